// SPDX-License-Identifier: Apache-2.0
/* The table of destination prefixes, in memory that packets are looked up in at the same time: common.h says how. */
#include <string.h>

#include "diverter.h"

void length_set(struct lengths *lengths, unsigned family, unsigned length, bool value)
{
	unsigned bit = ADDRESS_BITS(family) - length;
	__u64 mask = 1ull << bit % 64, word = lengths->words[bit / 64];
	__atomic_store_n(&lengths->words[bit / 64], value ? word | mask : word & ~mask, __ATOMIC_RELEASE);
}

/* The place that refers to the destination with this key, NULL for none. */
static __u32 *find_place(const struct maps *maps, const struct destination_key *key)
{
	__u32 hash = destination_hash(key);
	for (__u32 i = 0; i < LONGEST_SEARCH; i++) {
		__u32 *place = &maps->index->places[(FIRST_PLACE(hash) + i) % PLACES];
		__u32 number = PLACE_NUMBER(*place);
		if (!*place)
			break;
		if (number && same_destination(&maps->destinations[number].key, key))
			return place;
	}
	return NULL;
}

__u32 destination_number(const struct maps *maps, const struct destination_key *key)
{
	const __u32 *place = find_place(maps, key);
	return place ? PLACE_NUMBER(*place) : 0;
}

const struct group *destination_find(const struct maps *maps, const struct destination_key *key)
{
	__u32 number = destination_number(maps, key);
	return number ? &maps->destinations[number].group : NULL;
}

static __u32 *free_place(const struct maps *maps, const struct destination_key *key)
{
	__u32 hash = destination_hash(key);
	for (__u32 i = 0; i < LONGEST_SEARCH; i++) {
		__u32 *place = &maps->index->places[(FIRST_PLACE(hash) + i) % PLACES];
		if (!PLACE_NUMBER(*place))
			return place;
	}
	return NULL;
}

static unsigned count_destinations(const struct maps *maps)
{
	const __u32 *counts = maps->index->counts[0];
	unsigned sum = 0;
	for (unsigned i = 0; i < TRANSPORTS * LENGTHS_MAX; i++)
		sum += counts[i];
	return sum;
}

static __u32 free_number(const struct maps *maps)
{
	__u32 number = read_state(maps, STATE_LAST_DESTINATION);
	do
		number = (number + 1) % NUMBERS;
	while (!number || destination_number(maps, &maps->destinations[number].key) == number);
	write_state(maps, STATE_LAST_DESTINATION, number);
	return number;
}

/* A length is asked for before its first prefix is there, and still when its last is gone: never too late. */
static void count_prefix(const struct maps *maps, const struct destination_key *key, int change)
{
	unsigned family = KIND_FAMILY(key->kind), length = KIND_LENGTH(key->kind);
	unsigned index = TRANSPORT(family, KIND_PROTOCOL(key->kind));
	__u32 *count = &maps->index->counts[index][ADDRESS_BITS(family) - length];
	*count += change;
	length_set(&maps->index->lengths[index], family, length, *count);
}

void destination_check_room(const struct maps *maps, const struct destination_key *key)
{
	if (!find_place(maps, key) && (count_destinations(maps) >= MAX_DESTINATIONS || !free_place(maps, key)))
		no_room(MAX_DESTINATIONS, "destinations");
}

void destination_write(const struct maps *maps, const struct destination_key *key, const struct group *group)
{
	__u32 *place = find_place(maps, key);
	bool is_new = !place;
	if (is_new)
		place = free_place(maps, key);
	__u32 number = free_number(maps);
	maps->destinations[number] = (struct destination){ *key, *group };
	if (is_new)
		count_prefix(maps, key, 1);
	__atomic_store_n(place, PLACE(destination_hash(key), number), __ATOMIC_RELEASE);
}

/*
 * A search may have to go on over it. Not if the next place is empty: then it becomes empty as well, and so do the deleted
 * ones right before it.
 */
static void delete_place(struct destination_index *index, __u32 at)
{
	bool last = !index->places[(at + 1) % PLACES];
	__atomic_store_n(&index->places[at], last ? 0 : DELETED, __ATOMIC_RELEASE);
	for (at = (at - 1) % PLACES; last && index->places[at] == DELETED; at = (at - 1) % PLACES)
		__atomic_store_n(&index->places[at], 0, __ATOMIC_RELEASE);
}

void destination_delete(const struct maps *maps, const struct destination_key *key)
{
	__u32 *place = find_place(maps, key);
	if (!place)
		return;
	delete_place(maps->index, place - maps->index->places);
	count_prefix(maps, key, -1);
}

void destination_delete_all(const struct maps *maps)
{
	struct destination_index *index = maps->index;
	/* First no place may be live: what is counted, and how far searches go on, must stay right for those that are. */
	for (__u32 at = 0; at < PLACES; at++)
		if (index->places[at])
			__atomic_store_n(&index->places[at], DELETED, __ATOMIC_RELEASE);
	memset(index, 0, sizeof(*index));
}
