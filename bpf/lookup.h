/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which service takes a packet: see common.h for the structure and the order of precedence. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "common.h"
#include "maps.h"
#include "packet.h"

#define NO_PORT -1
#define ANY_INTERFACE 0
#define LENGTHS_IN_WORD 64
#define WHOLE_ADDRESS 1ull /* of the first word: see struct lengths */

/* The depth of a balanced tree over 65,536 ports cannot be more. */
#define MAX_DEPTH 17

/* The number of the lowest bit set: those below it, counted in parallel. clang 14 has no __builtin_ctzll for BPF. */
static __always_inline int lowest_bit(__u64 word)
{
	word = (word & -word) - 1;
	word -= word >> 1 & 0x5555555555555555;
	word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
	word = word + (word >> 4) & 0x0f0f0f0f0f0f0f0f;
	return word * 0x0101010101010101 >> 56;
}

/* Clears the last bits of an address of 128, without a branch, for the verifier's sake. */
static __always_inline void shorten(struct address *address, __u32 bits)
{
	__s64 half = bits >> 6;
	barrier_var(half); /* or the compiler sees that what follows is a comparison */
	__u64 cut = ~0ull << (bits & 63);
	__u64 in_last = (half - 1) >> 63, not_beyond = (half - 2) >> 63; /* all ones, or none */
	address->halves[1] &= bpf_cpu_to_be64(cut & in_last);
	address->halves[0] &= bpf_cpu_to_be64(in_last | (cut & not_beyond));
}

static __always_inline int takes(const struct segment *segment, __u32 port)
{
	return port >= segment->low && port <= segment->high;
}

/* Global functions, here and below, with a test for NULL that no caller needs, so that the verifier takes each by itself once. */
__noinline int find_below_root(const struct group *group, __u32 port)
{
	const struct segment *segment = group ? &group->root : NULL;
	__u32 node = 0;
	for (int i = 0; i < MAX_DEPTH && segment; i++) {
		if (takes(segment, port))
			return segment->port;
		/* 1 for a lower port, 2 for a higher one: without a branch, or the verifier would walk every way through the tree. */
		node = 2 * node + 2 - ((port - segment->low) >> 31);
		if (node >= group->segment_count)
			break;
		__u32 key = group->first_segment + node;
		segment = bpf_map_lookup_elem(&segments, &key);
	}
	return NO_PORT;
}

static __always_inline int find_port(const struct group *group, const struct packet *packet)
{
	__u32 port = bpf_ntohs(packet->dport);
	if (takes(&group->root, port))
		return group->root.port;
	return group->segment_count > 1 ? find_below_root(group, port) : NO_PORT;
}

/* Bits of an address of 128 that this packet's have not. */
static __always_inline __u32 unused_bits(const struct packet *packet)
{
	return ADDRESS_BITS(IPV6_VERSION) - packet->address_bits;
}

/* Source prefixes of the lengths in one word. */
__noinline int find_source_among(const struct packet *packet, __u32 set, __u32 ifindex, __u64 lengths, __u32 first)
{
	if (!packet)
		return NO_PORT;
	struct source_key key = { .address = packet->saddr, .set = set, .ifindex = ifindex };
	for (int i = 0; i < LENGTHS_IN_WORD && lengths; i++, lengths &= lengths - 1) {
		__u32 shorter = first + lowest_bit(lengths);
		key.length = packet->address_bits - shorter;
		shorten(&key.address, shorter + unused_bits(packet));
		struct group *group = bpf_map_lookup_elem(&sources, &key);
		int port = group ? find_port(group, packet) : NO_PORT;
		if (port != NO_PORT)
			return port;
	}
	return NO_PORT;
}

/* From the longest source prefix on this interface to the shortest. */
__noinline int find_source(const struct packet *packet, __u32 key, __u32 ifindex)
{
	if (!packet)
		return NO_PORT;
	struct set *set = bpf_map_lookup_elem(&sets, &key);
	int port = NO_PORT;
	for (int i = 0; i < LENGTH_WORDS && set && port == NO_PORT; i++)
		if (set->lengths.words[i])
			port = find_source_among(packet, key, ifindex, set->lengths.words[i], i * LENGTHS_IN_WORD);
	return port;
}

static __always_inline const struct destination_index *the_index(void)
{
	__u32 only = 0;
	return bpf_map_lookup_elem(&destination_index, &only);
}

/* The destination that a place refers to, NULL if its key is not this one, which has this hash. */
static __always_inline const struct destination *referred(__u32 place, const struct destination_key *key, __u32 hash)
{
	__u32 number = PLACE_NUMBER(place);
	if (place != PLACE(hash, number))
		return NULL;
	const struct destination *destination = bpf_map_lookup_elem(&destinations, &number);
	return destination && same_destination(&destination->key, key) ? destination : NULL;
}

/* The number of the destination with this key, which is not in its first place, or 0. */
__noinline int search_places(const struct destination_key *key, __u32 hash)
{
	const struct destination_index *index = the_index();
	if (!key || !index)
		return 0;
	for (__u32 i = 1; i < LONGEST_SEARCH; i++) {
		__u32 place = index->places[(FIRST_PLACE(hash) + i) % PLACES];
		if (!place)
			break;
		if (referred(place, key, hash))
			return PLACE_NUMBER(place);
	}
	return 0;
}

/* Most are in their first place, or it says that there is none: without a call. */
static __always_inline const struct destination *find_destination(const struct destination_index *index, const struct destination_key *key)
{
	__u32 hash = destination_hash(key);
	__u32 place = index->places[FIRST_PLACE(hash)];
	if (!place)
		return NULL;
	const struct destination *first = referred(place, key, hash);
	if (first)
		return first;
	__u32 number = search_places(key, hash);
	return number ? bpf_map_lookup_elem(&destinations, &number) : NULL;
}

/* Of the services of one destination prefix. */
static __always_inline int find_listener(const struct destination_index *index, const struct destination_key *key,
					 const struct packet *packet)
{
	const struct destination *destination = find_destination(index, key);
	if (!destination)
		return NO_PORT;
	const struct group *group = &destination->group;
	int port = NO_PORT;
	if (group->set) {
		port = find_source(packet, group->set, settings.ifindex);
		if (port == NO_PORT)
			port = find_source(packet, group->set, ANY_INTERFACE);
	}
	return port == NO_PORT ? find_port(group, packet) : port;
}

/* Destination prefixes of the lengths in one word. */
__noinline int find_destination_among(const struct packet *packet, __u64 lengths, __u32 first)
{
	const struct destination_index *index = the_index();
	if (!packet || !index)
		return NO_PORT;
	struct destination_key key = { .address = packet->daddr };
	for (int i = 0; i < LENGTHS_IN_WORD && lengths; i++, lengths &= lengths - 1) {
		__u32 shorter = first + lowest_bit(lengths);
		key.kind = DESTINATION_KIND(packet->family, packet->protocol, packet->address_bits - shorter);
		shorten(&key.address, shorter + unused_bits(packet));
		int port = find_listener(index, &key, packet);
		if (port != NO_PORT)
			return port;
	}
	return NO_PORT;
}

/*
 * From the longest destination prefix to the shortest. The port of the listener of the service that takes this packet: 0 for
 * none but the destination's own socket, or NO_PORT. Whole addresses, which most services have, without a call.
 */
static __always_inline int find_service(const struct packet *packet)
{
	const struct destination_index *index = the_index();
	if (!index)
		return NO_PORT;
	const struct lengths *lengths = &index->lengths[TRANSPORT(packet->family, packet->protocol) % TRANSPORTS];
	__u64 shorter = lengths->words[0];
	if (shorter & WHOLE_ADDRESS) {
		shorter &= ~WHOLE_ADDRESS;
		struct destination_key key = { .address = packet->daddr,
					       .kind = DESTINATION_KIND(packet->family, packet->protocol, packet->address_bits) };
		int port = find_listener(index, &key, packet);
		if (port != NO_PORT)
			return port;
	}
	int port = shorter ? find_destination_among(packet, shorter, 0) : NO_PORT;
	for (int i = 1; i < LENGTH_WORDS && port == NO_PORT; i++)
		if (lengths->words[i])
			port = find_destination_among(packet, lengths->words[i], i * LENGTHS_IN_WORD);
	return port;
}
