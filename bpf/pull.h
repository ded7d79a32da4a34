/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's headers can be read in its linear part alone: the rest of it may be in pages. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "geneve.h"
#include "packet.h"
#include "parse.h"

/* Headers take so many bytes, from the Ethernet to the inner transport header, with `options` bytes of GENEVE options and `inner` of IP. */
#define HEADERS(options, inner)                                                                                        \
	(ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr) + sizeof(struct geneve) + (options) + (inner) +      \
	 sizeof(struct tcphdr))
#define HEADERS_MAX HEADERS(GENEVE_OPTION_BYTES_MAX, sizeof(struct ipv6hdr))

/*
 * GENEVE says by its option length and protocol how many bytes the linear part needs. More than that stays in pages, as to bring
 * it costs more than everything else together. TCP without GENEVE, which may be all that ziti-router's own links say, needs its
 * own header alone.
 */
static __always_inline __u32 linear_needed(const struct cursor *cursor)
{
	struct cursor at = *cursor;
	if (!take(&at, ETH_HLEN))
		return HEADERS_MAX;
	const struct iphdr *ip = TAKE(&at, struct iphdr);
	if (!ip)
		return HEADERS_MAX;
	if (ip->version == IPV4_VERSION && ip->protocol == IPPROTO_TCP)
		return ETH_HLEN + sizeof(*ip) + sizeof(struct tcphdr);
	if (!take(&at, sizeof(struct udphdr)))
		return HEADERS_MAX;
	const struct geneve *geneve = TAKE(&at, struct geneve);
	if (!geneve)
		return HEADERS_MAX;
	return HEADERS(GENEVE_OPTION_BYTES(geneve),
		       geneve->protocol == bpf_htons(ETH_P_IP) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

/* The kernel brings headers that are missing into the linear part. Returns a cursor at the packet's start. */
static __always_inline struct cursor pull_headers(struct __sk_buff *skb)
{
	struct cursor cursor = { (void *)(long)skb->data, (void *)(long)skb->data_end };
	__u32 linear = cursor.end - cursor.at;
	if (linear < HEADERS_MAX && linear < skb->len && linear < linear_needed(&cursor)) {
		bpf_skb_pull_data(skb, skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX);
		cursor.at = (void *)(long)skb->data;
		cursor.end = (void *)(long)skb->data_end;
	}
	return cursor;
}
