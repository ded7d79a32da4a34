/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The outer headers are taken off, so that the inner packet stands behind the Ethernet header. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "packet.h"
#include "verdicts.h"

/*
 * The kernel must also come to see IPv6. The one helper that tells it (before Linux 6.3) turns an IPv4 header into room for an
 * IPv6 one: so a header's worth more is taken off, that room given, and the inner header written into it again. Who looks at the
 * frame goes by the Ethernet header's type, which is still IPv4's. Returns 0, or -1 if the kernel refuses.
 */
static __always_inline int decap6(struct __sk_buff *skb, __u32 outer)
{
	struct {
		__be16 type;
		struct ipv6hdr ip;
	} __attribute__((packed, aligned(2))) head = { .type = bpf_htons(ETH_P_IPV6) };
	if (bpf_skb_load_bytes(skb, ETH_HLEN + outer, &head.ip, sizeof(head.ip)))
		return -1;
	__s32 room = sizeof(struct ipv6hdr) - sizeof(struct iphdr);
	if (bpf_skb_adjust_room(skb, -(__s32)outer - room, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) ||
	    bpf_skb_change_proto(skb, bpf_htons(ETH_P_IPV6), 0))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN - sizeof(head.type), &head, sizeof(head), 0);
}

/*
 * Inner datagrams that were merged stay what the stack cuts again only if the kernel is told that a tunnel's header goes: older
 * ones know no such flag, and refuse it. Those that know it also know the one for IPv6. Returns 0, or an error.
 */
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV6 (1 << 8)
#define BPF_F_ADJ_ROOM_DECAP_L4_UDP (1 << 10)
static __always_inline int decap_datagrams(struct __sk_buff *skb, __u32 outer, int family)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_DECAP_L4_UDP;
	if (family != IPV6_VERSION)
		return bpf_skb_adjust_room(skb, -(__s32)outer, BPF_ADJ_ROOM_MAC, flags);
	__be16 type = bpf_htons(ETH_P_IPV6);
	int error = bpf_skb_adjust_room(skb, -(__s32)outer, BPF_ADJ_ROOM_MAC, flags | BPF_F_ADJ_ROOM_DECAP_L3_IPV6);
	return error ? error : bpf_skb_store_bytes(skb, ETH_HLEN - sizeof(type), &type, sizeof(type), 0);
}

/* IPv6, and what was merged, are a function of their own, so that the way of all others stays short. */
static __noinline int decap_unusual(struct __sk_buff *skb, __u32 outer, int family, int datagrams)
{
	if (datagrams)
		return decap_datagrams(skb, outer, family) ? VERDICT_AGGREGATE : CONTINUE;
	return decap6(skb, outer) ? VERDICT_STRIP_FAILED : CONTINUE;
}

/* Returns CONTINUE, or why the kernel refuses. */
static __always_inline int decap(struct __sk_buff *skb, const struct packet *packet)
{
	if (!packet->outer)
		return CONTINUE;
	int datagrams = packet->aggregate && packet->protocol == IPPROTO_UDP;
	if (datagrams || packet->family == IPV6_VERSION)
		return decap_unusual(skb, packet->outer, packet->family, datagrams);
	int error = bpf_skb_adjust_room(skb, -(__s32)packet->outer, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
	return error ? VERDICT_STRIP_FAILED : CONTINUE;
}
