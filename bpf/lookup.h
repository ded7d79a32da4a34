/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which service takes a packet: see common.h for the structure and the order of precedence. */
#pragma once

#define NO_PORT -1
#define ANY_INTERFACE 0
#define LENGTHS_IN_WORD 64

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

/* These are global functions, with a test for NULL that no caller needs, so that the verifier takes each by itself once. */
__noinline int find_port(const struct group *group, __u32 port)
{
	const struct segment *segment = group ? &group->root : NULL;
	__u32 node = 0;
	for (int i = 0; i < MAX_DEPTH && segment; i++) {
		if (port >= segment->low && port <= segment->high)
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
		int port = group ? find_port(group, bpf_ntohs(packet->dport)) : NO_PORT;
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

/* Destination prefixes of the lengths in one word. */
__noinline int find_destination_among(const struct packet *packet, const struct destination_index *index, __u64 lengths,
				      __u32 first)
{
	if (!packet || !index)
		return NO_PORT;
	struct destination_key key = { .address = packet->daddr, .family = packet->family, .protocol = packet->protocol };
	for (int i = 0; i < LENGTHS_IN_WORD && lengths; i++, lengths &= lengths - 1) {
		__u32 shorter = first + lowest_bit(lengths);
		key.length = packet->address_bits - shorter;
		shorten(&key.address, shorter + unused_bits(packet));
		if (!index->filter[filter_place(&key)])
			continue;
		struct group *group = bpf_map_lookup_elem(&destinations, &key);
		if (!group)
			continue;
		int port = NO_PORT;
		if (group->set) {
			port = find_source(packet, group->set, settings.ifindex);
			if (port == NO_PORT)
				port = find_source(packet, group->set, ANY_INTERFACE);
		}
		if (port == NO_PORT)
			port = find_port(group, bpf_ntohs(packet->dport));
		if (port != NO_PORT)
			return port;
	}
	return NO_PORT;
}

/*
 * From the longest destination prefix to the shortest. The port of the listener of the service that takes this packet: 0 for
 * none but the destination's own socket, or NO_PORT.
 */
__noinline int find_service(const struct packet *packet)
{
	if (!packet)
		return NO_PORT;
	__u32 which = DESTINATION_INDEX(packet->family, packet->protocol);
	struct destination_index *index = bpf_map_lookup_elem(&destination_indexes, &which);
	int port = NO_PORT;
	for (int i = 0; i < LENGTH_WORDS && index && port == NO_PORT; i++)
		if (index->lengths.words[i])
			port = find_destination_among(packet, index, index->lengths.words[i], i * LENGTHS_IN_WORD);
	return port;
}
