/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A load balancer drops inner packets of more than 8,500 bytes without a word, and lowers the MSS of connections that pass through
 * it. An answer that goes straight to the client does not: so the MSS that the router names is lowered here, or a client on a
 * jumbo network would send what never arrives.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "addresses.h"
#include "packet.h"
#include "parse.h"

#define INNER_MAX 8500

#define MSS_OPTION 2
#define MSS_OPTION_BYTES 4

struct mss_option {
	__u8 kind;
	__u8 length;
	__be16 value;
};

/* Returns the highest MSS that a SYN segment may name, unless its source is the router itself; 0 for that and any other packet. */
static __always_inline __u32 mss_limit(struct cursor *cursor, __be16 protocol, struct tcphdr **tcp)
{
	__u32 headers = sizeof(struct tcphdr);
	if (protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = TAKE(cursor, struct iphdr);
		if (!ip || ip->protocol != IPPROTO_TCP || ip->ihl != IPV4_WORDS || ip->frag_off & bpf_htons(IP_OFFSET))
			return 0;
		*tcp = TAKE(cursor, struct tcphdr);
		if (!*tcp || !(*tcp)->syn || own_address(ip->saddr))
			return 0;
		headers += sizeof(*ip);
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = TAKE(cursor, struct ipv6hdr);
		if (!ip || ip->nexthdr != IPPROTO_TCP)
			return 0;
		*tcp = TAKE(cursor, struct tcphdr);
		if (!*tcp || !(*tcp)->syn || own_address6(ip->saddr.in6_u.u6_addr32))
			return 0;
		headers += sizeof(*ip);
	} else {
		return 0;
	}
	return INNER_MAX - headers;
}

/* Linux writes the MSS as the first option. */
static __always_inline void clamp_mss(struct __sk_buff *skb)
{
	/* A SYN has no data, so that all of it is in the linear part. */
	struct cursor cursor = { (void *)(long)skb->data, (void *)(long)skb->data_end };
	struct tcphdr *tcp = NULL;
	if (!TAKE(&cursor, struct ethhdr))
		return;
	__u32 limit = mss_limit(&cursor, skb->protocol, &tcp);
	if (!limit)
		return;
	struct mss_option *option = TAKE(&cursor, struct mss_option);
	if (!option || (__u32)tcp->doff << 2 < sizeof(*tcp) + sizeof(*option) || option->kind != MSS_OPTION ||
	    option->length != MSS_OPTION_BYTES || bpf_ntohs(option->value) <= limit)
		return;

	__be16 before = option->value, after = bpf_htons(limit);
	__u32 segment = ETH_HLEN + INNER_MAX - limit - sizeof(*tcp);
	bpf_skb_store_bytes(skb, segment + sizeof(*tcp) + __builtin_offsetof(struct mss_option, value), &after, sizeof(after), 0);
	bpf_l4_csum_replace(skb, segment + __builtin_offsetof(struct tcphdr, check), before, after, sizeof(after));
}
