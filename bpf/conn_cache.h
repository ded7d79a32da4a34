/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connections that were found in this tick of the kernel's clock, a few milliseconds: packets come in bursts, and to find a
 * connection costs more than all checks of a packet. What follows the end of one within its tick is left to the stack as well,
 * which resets it, as it should; but also the last packet of a new handshake between the same ports, if that was left to a SYN
 * cookie: so quick a client connects once more. IPv6 is not remembered: OpenZiti's router takes none.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "common.h"
#include "maps.h"
#include "packet.h"

static __always_inline __u32 ports_of(const struct packet *packet)
{
	return (__u32)packet->sport << 16 | packet->dport;
}

/* Where it would be remembered; NULL if it never is. A SYN may follow the end of its connection at once. */
static __always_inline struct recent *recent_of(const struct packet *packet)
{
	if (packet->opens || packet->family != IPV4_VERSION)
		return NULL;
	__u32 hash = (packet->saddr.words[0] ^ packet->daddr.words[0] ^ ports_of(packet)) * 0x9e3779b1; /* 2^32 over the golden ratio */
	__u32 place = hash >> (32 - RECENT_BITS);
	return bpf_map_lookup_elem(&recents, &place);
}

static __always_inline int found_in_this_tick(const struct recent *recent, const struct packet *packet)
{
	return recent->tick == (__u32)bpf_jiffies64() && recent->saddr == packet->saddr.words[0] &&
	       recent->daddr == packet->daddr.words[0] && recent->ports == ports_of(packet);
}

static __always_inline void remember(struct recent *recent, const struct packet *packet)
{
	recent->saddr = packet->saddr.words[0];
	recent->daddr = packet->daddr.words[0];
	recent->ports = ports_of(packet);
	recent->tick = bpf_jiffies64();
}
