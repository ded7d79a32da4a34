/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* IPv4 headers and UDP datagrams have Internet checksums (RFC 1071). */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "parse.h"

/* A sum of less than 65,536 words of 32 bits is folded to 16 bits. */
static __always_inline __u16 fold(__u64 sum)
{
	sum = (__u32)sum + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* A sum that contains its own checksum folds to all ones. */
#define CHECKSUM_RIGHT 0xffff

/* Returns the unfolded sum of an IPv4 header without options. */
static __always_inline __u64 header_sum(const struct iphdr *ip)
{
	const __u32 *words = (const __u32 *)ip;
	return (__u64)words[0] + words[1] + words[2] + words[3] + words[4];
}

/* Returns the unfolded sum of the pseudo header that TCP and UDP put before themselves for their checksum. */
static __always_inline __u64 pseudo_header_sum(const struct iphdr *ip, __u16 length)
{
	return (__u64)ip->saddr + ip->daddr + bpf_htonl((__u32)ip->protocol << 16 | length);
}

/* A chunk is as many bytes as are summed at a time: a multiple of four that leaves room on BPF's stack of 512. */
#define CHUNK 256
#define CHUNKS_MAX (0xffff / CHUNK + 1)

/*
 * A UDP checksum that is there must be right (RFC 8926 3.3). Hardware has verified it, or a sender on this very machine has left
 * it to hardware that never came (the field then holds the sum of the pseudo header alone), or it is summed here.
 */
__noinline int udp_checksum_right(struct __sk_buff *skb, __u32 length)
{
	union {
		__u8 bytes[CHUNK];
		struct {
			struct iphdr ip;
			struct udphdr udp;
		};
	} chunk = {};
	const __u32 start = ETH_HLEN + sizeof(chunk.ip);
	__u32 i;

	if (bpf_csum_level(skb, BPF_CSUM_LEVEL_QUERY) >= 0)
		return 1;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, &chunk, sizeof(chunk.ip) + sizeof(chunk.udp)))
		return 0;
	__s64 sum = fold(pseudo_header_sum(&chunk.ip, length));
	if (chunk.udp.check == sum)
		return 1;
	for (i = 0; i < CHUNKS_MAX && (i + 1) * CHUNK <= length; i++) {
		if (bpf_skb_load_bytes(skb, start + i * CHUNK, chunk.bytes, CHUNK))
			return 0;
		sum = bpf_csum_diff(NULL, 0, (__be32 *)chunk.bytes, CHUNK, sum);
	}
	__u32 rest = length % CHUNK;
	if (rest) {
		__builtin_memset(&chunk, 0, sizeof(chunk));
		if (bpf_skb_load_bytes(skb, start + i * CHUNK, chunk.bytes, bounded_size(rest, CHUNK - 1)))
			return 0;
		sum = bpf_csum_diff(NULL, 0, (__be32 *)chunk.bytes, CHUNK, sum);
	}
	return fold((__u32)sum) == CHECKSUM_RIGHT;
}
