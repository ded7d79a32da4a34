/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel tells connections apart by addresses and ports, and would make one of those of two clients behind different endpoints
 * that agree in both. So the later client's port is translated: the service sees its address, and a port that none of its
 * namesakes has. Answers are translated back.
 */
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

#include "common.h"
#include "flow.h"
#include "maps.h"
#include "packet.h"

/* Clients choose their ports above these: Linux from 32768 on, others from 49152. */
#define TRANSLATED_FIRST 1024
#define TRANSLATED_END 32768

/* A port, `at` bytes into the transport header behind `outer` bytes of other headers, becomes another one. */
static __always_inline void write_port(struct __sk_buff *skb, __u32 outer, __u8 family, __u8 protocol, __u32 at, __be16 before,
				       __be16 after)
{
	__u32 transport = ETH_HLEN + outer + (family == IPV4_VERSION ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	__u32 check = protocol == IPPROTO_TCP ? __builtin_offsetof(struct tcphdr, check) : __builtin_offsetof(struct udphdr, check);
	/* No checksum stays none. */
	__u64 flags = sizeof(after) | (protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0);
	bpf_l4_csum_replace(skb, transport + check, before, after, flags);
	bpf_skb_store_bytes(skb, transport + at, &after, sizeof(after), 0);
}

/* True if the packet's flow may have this port, which is then noted to be a translated one. */
static __always_inline int take_port(const struct packet *packet, __be16 port)
{
	struct flow_key key = { .client = packet->saddr,
				.service = packet->daddr,
				.client_port = port,
				.service_port = packet->dport,
				.protocol = packet->protocol,
				.family = packet->family };
	const struct flow *known = bpf_map_lookup_elem(&flows, &key);
	if (known && known->endpoint == packet->from.endpoint && known->client_port == packet->sport)
		return 1;
	if (known && is_live(known, packet->protocol))
		return 0;
	struct flow flow = packet->from;
	flow.seen = bpf_ktime_get_coarse_ns();
	flow.client_port = packet->sport;
	flow.ifindex = settings.ifindex;
	return bpf_map_update_elem(&flows, &key, &flow, BPF_ANY) == 0;
}

/* Returns the translated port of the packet's client, or 0. It is a new one if a flow may begin with this packet. */
static __noinline __u32 translated_port(const struct packet *packet)
{
	const struct translation *known = find_translation(packet);
	if (known)
		return take_port(packet, known->port) ? known->port : 0;
	if (!packet->opens && packet->protocol == IPPROTO_TCP)
		return 0;
	struct translation_key key = { .client = packet->saddr,
				       .endpoint = packet->from.endpoint,
				       .client_port = packet->sport,
				       .protocol = packet->protocol,
				       .family = packet->family };
	struct translation new = { .port = bpf_htons(TRANSLATED_FIRST + bpf_get_prandom_u32() % (TRANSLATED_END - TRANSLATED_FIRST)) };
	/* Another processor may be faster; its packet is sent once more if this one is not. */
	if (!take_port(packet, new.port) || bpf_map_update_elem(&translations, &key, &new, BPF_NOEXIST))
		return 0;
	return new.port;
}

/* The outer UDP checksum, which sums up the inner packet, stays right if that has one too; else it goes, as none is legal. */
static __always_inline void keep_outer_checksum(struct __sk_buff *skb, const struct packet *packet)
{
	__u32 inner = ETH_HLEN + packet->outer + sizeof(struct iphdr);
	__be16 check = 0;
	if (packet->outer && packet->family == IPV4_VERSION && packet->protocol == IPPROTO_UDP &&
	    bpf_skb_load_bytes(skb, inner + __builtin_offsetof(struct udphdr, check), &check, sizeof(check)) == 0 && !check)
		bpf_skb_store_bytes(skb, ETH_HLEN + sizeof(struct iphdr) + __builtin_offsetof(struct udphdr, check), &check,
				    sizeof(check), 0);
}

/* The packet, of a flow in conflict, gets the client's translated port. Returns false if it has none. */
static __noinline int translate(struct __sk_buff *skb, struct packet *packet)
{
	__be16 port = translated_port(packet);
	if (!port)
		return 0;
	keep_outer_checksum(skb, packet);
	write_port(skb, packet->outer, packet->family, packet->protocol, __builtin_offsetof(struct udphdr, source), packet->sport, port);
	packet->sport = port;
	return 1;
}
