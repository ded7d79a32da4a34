// SPDX-License-Identifier: Apache-2.0
/* The hash table of destination prefixes is changed in memory that packets are looked up in at the same time: common.h says how. */
#include <string.h>

#include "diverter.h"

void length_set(struct lengths *lengths, unsigned family, unsigned length, bool value)
{
	unsigned bit = ADDRESS_BITS(family) - length;
	__u64 mask = 1ull << bit % 64, word = lengths->words[bit / 64];
	__atomic_store_n(&lengths->words[bit / 64], value ? word | mask : word & ~mask, __ATOMIC_RELEASE);
}

/* Returns the slot that refers to the destination with this key, or NULL. */
static __u32 *find_slot(const struct maps *maps, const struct destination_key *key)
{
	__u32 hash = destination_hash(key);
	for (__u32 i = 0; i < LONGEST_SEARCH; i++) {
		__u32 *slot = &maps->index->slots[(FIRST_SLOT(hash) + i) % SLOTS];
		__u32 number = SLOT_NUMBER(*slot);
		if (!*slot)
			break;
		if (number && same_destination(&maps->destinations[number].key, key))
			return slot;
	}
	return NULL;
}

__u32 destination_number(const struct maps *maps, const struct destination_key *key)
{
	const __u32 *slot = find_slot(maps, key);
	return slot ? SLOT_NUMBER(*slot) : 0;
}

const struct rule_group *destination_find(const struct maps *maps, const struct destination_key *key)
{
	__u32 number = destination_number(maps, key);
	return number ? &maps->destinations[number].group : NULL;
}

static __u32 *free_slot(const struct maps *maps, const struct destination_key *key)
{
	__u32 hash = destination_hash(key);
	for (__u32 i = 0; i < LONGEST_SEARCH; i++) {
		__u32 *slot = &maps->index->slots[(FIRST_SLOT(hash) + i) % SLOTS];
		if (!SLOT_NUMBER(*slot))
			return slot;
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

/* A length is in use before its first prefix is there, and still when its last is gone: never too late. */
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
	if (!find_slot(maps, key) && (count_destinations(maps) >= MAX_DESTINATIONS || !free_slot(maps, key)))
		no_room(MAX_DESTINATIONS, "destinations");
}

void destination_write(const struct maps *maps, const struct destination_key *key, const struct rule_group *group)
{
	__u32 *slot = find_slot(maps, key);
	bool is_new = !slot;
	if (is_new)
		slot = free_slot(maps, key);
	__u32 number = free_number(maps);
	maps->destinations[number] = (struct destination){ *key, *group };
	if (is_new)
		count_prefix(maps, key, 1);
	__atomic_store_n(slot, SLOT(destination_hash(key), number), __ATOMIC_RELEASE);
}

/*
 * A slot becomes a tombstone, as a search may have to go on over it. If the next slot is empty, it becomes empty as well, and so
 * do the tombstones right before it.
 */
static void delete_slot(struct destination_index *index, __u32 at)
{
	bool last = !index->slots[(at + 1) % SLOTS];
	__atomic_store_n(&index->slots[at], last ? 0 : TOMBSTONE, __ATOMIC_RELEASE);
	for (at = (at - 1) % SLOTS; last && index->slots[at] == TOMBSTONE; at = (at - 1) % SLOTS)
		__atomic_store_n(&index->slots[at], 0, __ATOMIC_RELEASE);
}

void destination_delete(const struct maps *maps, const struct destination_key *key)
{
	__u32 *slot = find_slot(maps, key);
	if (!slot)
		return;
	delete_slot(maps->index, slot - maps->index->slots);
	count_prefix(maps, key, -1);
}

void destination_delete_all(const struct maps *maps)
{
	struct destination_index *index = maps->index;
	/* Every slot becomes a tombstone first: counts, and how far searches go on, must stay right as long as one is live. */
	for (__u32 at = 0; at < SLOTS; at++)
		if (index->slots[at])
			__atomic_store_n(&index->slots[at], TOMBSTONE, __ATOMIC_RELEASE);
	memset(index, 0, sizeof(*index));
}
