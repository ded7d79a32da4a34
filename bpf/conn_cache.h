/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The connection cache has the connections that were found in this tick of the kernel's clock, a few milliseconds: packets come
 * in bursts, and to find a connection costs more than all checks of a packet. A packet that follows the end of its connection
 * within its tick is left to the stack as well, which resets it, as it should; but also the last packet of a new handshake
 * between the same ports, if that was left to a SYN cookie: so quick a client connects once more. IPv6 is not cached: OpenZiti's
 * router takes none.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "common.h"
#include "maps.h"
#include "packet.h"

/*
 * Returns the slot of the packet's connection, or NULL if it is never cached. A SYN may follow the end of its connection at once.
 */
static __always_inline struct cached_connection *connection_slot(const struct packet *packet)
{
	if (packet->opens || packet->family != IPV4_VERSION)
		return NULL;
	__u32 hash = (packet->saddr.words[0] ^ packet->daddr.words[0] ^ packet->ports) * 0x9e3779b1; /* 2^32 over the golden ratio */
	__u32 slot = hash >> (32 - CONN_CACHE_BITS);
	return bpf_map_lookup_elem(&conn_cache, &slot);
}

static __always_inline int is_cached(const struct cached_connection *cached, const struct packet *packet)
{
	return cached->tick == (__u32)bpf_jiffies64() && cached->saddr == packet->saddr.words[0] &&
	       cached->daddr == packet->daddr.words[0] && cached->ports == packet->ports;
}

static __always_inline void cache_connection(struct cached_connection *cached, const struct packet *packet)
{
	cached->saddr = packet->saddr.words[0];
	cached->daddr = packet->daddr.words[0];
	cached->ports = packet->ports;
	cached->tick = bpf_jiffies64();
}
