/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's destination, source and port find the rule that takes it: common.h has the structure and the order of precedence. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "common.h"
#include "maps.h"
#include "packet.h"

#define NO_PORT -1
#define ANY_INTERFACE 0
#define LENGTHS_IN_WORD 64
#define WHOLE_ADDRESS 1ull /* in the first word of struct lengths */

/* A balanced tree over 65,536 ports is not deeper. */
#define MAX_DEPTH 17

/* Returns the number of the lowest bit set, by counting those below it: clang 14 has no __builtin_ctzll for BPF. */
static __always_inline int lowest_bit(__u64 word)
{
	word = (word & -word) - 1;
	word -= word >> 1 & 0x5555555555555555;
	word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
	word = word + (word >> 4) & 0x0f0f0f0f0f0f0f0f;
	return word * 0x0101010101010101 >> 56;
}

/* An address of 128 bits loses its last ones. No branch, or the verifier would walk both ways in each round of a loop. */
static __always_inline void shorten(struct address *address, __u32 bits)
{
	__s64 half = bits >> 6;
	barrier_var(half); /* or the compiler sees that what follows is a comparison */
	__u64 cut = ~0ull << (bits & 63);
	__u64 in_last = (half - 1) >> 63, not_beyond = (half - 2) >> 63; /* all ones, or none */
	address->halves[1] &= bpf_cpu_to_be64(cut & in_last);
	address->halves[0] &= bpf_cpu_to_be64(in_last | (cut & not_beyond));
}

static __always_inline int takes(const struct port_range *range, __u32 port)
{
	return port >= range->low && port <= range->high;
}

/* Global functions, here and below, are verified by themselves, once. So they test for NULL, which no caller gives. */
__noinline int find_below_root(const struct rule_group *group, __u32 port)
{
	const struct port_range *range = group ? &group->root : NULL;
	__u32 node = 0;
	for (int i = 0; i < MAX_DEPTH && range; i++) {
		if (takes(range, port))
			return range->port;
		/* The child is 1 for a lower port, 2 for a higher one. No branch, which would be verified both ways. */
		node = 2 * node + 2 - ((port - range->low) >> 31);
		if (node >= group->range_count)
			break;
		__u32 key = group->first_range + node;
		range = bpf_map_lookup_elem(&segments, &key);
	}
	return NO_PORT;
}

static __always_inline int find_port(const struct rule_group *group, const struct packet *packet)
{
	__u32 port = bpf_ntohs(packet->dport);
	if (takes(&group->root, port))
		return group->root.port;
	return group->range_count > 1 ? find_below_root(group, port) : NO_PORT;
}

/* Returns how many of 128 bits this packet's addresses do not have. */
static __always_inline __u32 unused_bits(const struct packet *packet)
{
	return ADDRESS_BITS(IPV6_VERSION) - packet->address_bits;
}

/* Source prefixes are asked for, of the lengths in one word. Returns a port, or NO_PORT. */
__noinline int find_source_among(const struct packet *packet, __u32 source_set, __u32 ifindex, __u64 lengths, __u32 first)
{
	if (!packet)
		return NO_PORT;
	struct source_key key = { .address = packet->saddr, .source_set = source_set, .ifindex = ifindex };
	for (int i = 0; i < LENGTHS_IN_WORD && lengths; i++, lengths &= lengths - 1) {
		__u32 shorter = first + lowest_bit(lengths);
		key.length = packet->address_bits - shorter;
		shorten(&key.address, shorter + unused_bits(packet));
		struct rule_group *group = bpf_map_lookup_elem(&sources, &key);
		int port = group ? find_port(group, packet) : NO_PORT;
		if (port != NO_PORT)
			return port;
	}
	return NO_PORT;
}

/* Source prefixes on this interface are asked for, from the longest to the shortest. Returns a port, or NO_PORT. */
__noinline int find_source(const struct packet *packet, __u32 key, __u32 ifindex)
{
	if (!packet)
		return NO_PORT;
	struct source_set *set = bpf_map_lookup_elem(&sets, &key);
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

/* Returns the destination that a slot refers to, or NULL if its key is not this one, which has this hash. */
static __always_inline const struct destination *destination_of_slot(__u32 slot, const struct destination_key *key, __u32 hash)
{
	__u32 number = SLOT_NUMBER(slot);
	if (slot != SLOT(hash, number))
		return NULL;
	const struct destination *destination = bpf_map_lookup_elem(&destinations, &number);
	return destination && same_destination(&destination->key, key) ? destination : NULL;
}

/* Slots behind the first one are searched for the key. Returns the destination's number, or 0. */
__noinline int search_slots(const struct destination_key *key, __u32 hash)
{
	const struct destination_index *index = the_index();
	if (!key || !index)
		return 0;
	for (__u32 i = 1; i < LONGEST_SEARCH; i++) {
		__u32 slot = index->slots[(FIRST_SLOT(hash) + i) % SLOTS];
		if (!slot)
			break;
		if (destination_of_slot(slot, key, hash))
			return SLOT_NUMBER(slot);
	}
	return 0;
}

/* Most destinations are in the first slot of their hash, or it says that there is none: no call is needed. */
static __always_inline const struct destination *find_destination(const struct destination_index *index, const struct destination_key *key)
{
	__u32 hash = destination_hash(key);
	__u32 slot = index->slots[FIRST_SLOT(hash)];
	if (!slot)
		return NULL;
	const struct destination *first = destination_of_slot(slot, key, hash);
	if (first)
		return first;
	__u32 number = search_slots(key, hash);
	return number ? bpf_map_lookup_elem(&destinations, &number) : NULL;
}

/* Rules of one destination prefix are looked at: with this interface, with any, then without source. Returns a port, or NO_PORT. */
static __always_inline int find_listener(const struct destination_index *index, const struct destination_key *key,
					 const struct packet *packet)
{
	const struct destination *destination = find_destination(index, key);
	if (!destination)
		return NO_PORT;
	const struct rule_group *group = &destination->group;
	int port = NO_PORT;
	if (group->source_set) {
		port = find_source(packet, group->source_set, settings.ifindex);
		if (port == NO_PORT)
			port = find_source(packet, group->source_set, ANY_INTERFACE);
	}
	return port == NO_PORT ? find_port(group, packet) : port;
}

/* Destination prefixes are asked for, of the lengths in one word. Returns a port, or NO_PORT. */
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
 * Destination prefixes are asked for, from the longest to the shortest. Returns the port of the listener that takes this packet,
 * 0 for the socket bound to the destination itself, or NO_PORT. Whole addresses, which most services have, need no call.
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
