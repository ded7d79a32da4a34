/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stack drops packets from its own addresses as martian, which would have been counted as delivered: so they are dropped
 * here. A packet of an established connection is not asked. With --reply geneve a client may have an address that the router has
 * on its loopback as services': the stack takes such a packet by the device that answers leave by.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "addresses.h"
#include "common.h"
#include "maps.h"
#include "packet.h"
#include "parse.h"

/*
 * A binary search finds the last range that begins at this address or before it. No branch, or the verifier would walk every way.
 */
static __noinline int in_local_range(__u32 address)
{
	__u32 list = bounded(locals.list, 1), count = locals.counts[list], at = 0;
	for (int i = 0; i < LOCAL_RANGES_BITS && count > 1; i++) {
		__u32 half = count / 2;
		__s64 behind = (__s64)locals.ranges[list][bounded(at + half, LOCAL_RANGES - 1)].low - address - 1;
		barrier_var(behind); /* or the compiler sees that what follows is a comparison */
		at += half & behind >> 63;
		count -= half;
	}
	const struct address_range *range = &locals.ranges[list][bounded(at, LOCAL_RANGES - 1)];
	return count && address >= range->low && address <= range->high;
}

/* Of IPv6 only the addresses of interfaces are known, as OpenZiti's router takes none. */
static __noinline int is_local6(const __u32 *address)
{
	return no_host6(address) || own_address6(address);
}

static __always_inline int source_is_local(const struct packet *packet)
{
	if (packet->family == IPV6_VERSION)
		return is_local6(packet->saddr.words);
	__u32 address = bpf_ntohl(packet->saddr.words[0]);
	return locals.near[NEAR_WORD(address)] & NEAR_BIT(address) ? in_local_range(address) : 0;
}

/* True for an address that is no client's, whatever is on the loopback: the router's, or no host's. */
static __noinline int is_no_client(__be32 address)
{
	__u8 first = bpf_ntohl(address) >> 24;
	if (first == 0 || first == IN_LOOPBACKNET || first >= INADDR_UNSPEC_GROUP >> 24 || own_address(address))
		return 1;
	const volatile __u32 *broadcast = reply_device.broadcast;
	for (__u32 count = reply_device.broadcast_count; count; broadcast++, count--)
		if (*broadcast == address)
			return 1;
	return 0;
}

/* True for a packet from this IPv4 address that the stack would drop if it did not come by the device, where there is that. */
static __always_inline int needs_detour(__be32 address)
{
	__u32 source = bpf_ntohl(address);
	return locals.near[NEAR_WORD(source)] & NEAR_BIT(source) && in_local_range(source) && !is_no_client(address);
}

static __always_inline int takes_detour(const struct packet *packet)
{
	return reply_device.ifindex && (packet->detour || (reply_device.takes_all && packet->family == IPV4_VERSION));
}

/* The packet arrives by the device, with the socket that it was assigned to. Returns what the program has to. */
static __always_inline int detour(struct __sk_buff *skb)
{
	if (bpf_skb_store_bytes(skb, 0, (const void *)reply_device.address, sizeof(reply_device.address), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(reply_device.ifindex, BPF_F_INGRESS);
}
