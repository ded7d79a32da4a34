/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A flow comes from one endpoint of the load balancer, which replies to it go back through. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "common.h"
#include "maps.h"
#include "packet.h"
#include "verdicts.h"

/*
 * A load balancer forgets a TCP flow after so long without a packet, and OpenZiti a UDP one: after five minutes, of which it looks
 * every half.
 */
#define SECOND 1000000000ull
#define TCP_IDLE (350 * SECOND)
#define UDP_IDLE (330 * SECOND)

static __always_inline int is_live(const struct flow *flow, __u8 protocol)
{
	return bpf_ktime_get_coarse_ns() - flow->seen < (protocol == IPPROTO_TCP ? TCP_IDLE : UDP_IDLE);
}

static __always_inline struct translation *find_translation(const struct packet *packet)
{
	struct translation_key key = { .client = packet->saddr,
				       .endpoint = packet->from.endpoint,
				       .client_port = packet->sport,
				       .protocol = packet->protocol,
				       .family = packet->family };
	return bpf_map_lookup_elem(&translations, &key);
}

/*
 * A packet's flow is noted with the endpoint it comes from. Clients behind different endpoints may have the same address: as long
 * as their ports differ they are kept apart, but two flows that agree in everything would share a socket, so the later one is in
 * conflict while the earlier one lives, and one whose port has been translated remains so. A flow that `begins`, with a SYN that
 * met no connection, shows that the earlier one does not live. A `listener`, if it is not 0, takes datagrams to any destination,
 * and tells its clients apart by their address and port alone: so they are noted for it as well. Returns CONTINUE or
 * VERDICT_FLOW_CONFLICT. A function of its own, so that direct replies do not pay for its stack.
 */
static __noinline int note_flow(const struct packet *packet, int begins, __u32 listener)
{
	struct flow_key key = { .client = packet->saddr,
				.client_port = packet->sport,
				.service_port = listener ? bpf_htons(listener) : packet->dport,
				.protocol = packet->protocol,
				.family = packet->family };
	if (!listener)
		key.service = packet->daddr;
	struct flow from = packet->from;
	from.seen = bpf_ktime_get_coarse_ns();
	from.ifindex = settings.ifindex;

	struct flow *known = bpf_map_lookup_elem(&flows, &key);
	if (!known || known->endpoint != from.endpoint) {
		if (known && !begins && is_live(known, packet->protocol))
			return VERDICT_FLOW_CONFLICT;
		if (find_translation(packet))
			return VERDICT_FLOW_CONFLICT;
	} else if (known->attachment == from.attachment && known->cookie == from.cookie && known->node == from.node &&
		   known->router == from.router && known->port == from.port && known->ifindex == from.ifindex) {
		known->seen = from.seen;
		return CONTINUE;
	} else {
		from.client_port = known->client_port;
	}
	bpf_map_update_elem(&flows, &key, &from, BPF_ANY);
	return CONTINUE;
}

/* True for an ICMP error that came from another endpoint than the flow it is about: it is not from the flow's client. */
static __noinline int is_from_another_endpoint(const struct packet *packet)
{
	struct flow_key key = { .client = packet->saddr,
				.service = packet->daddr,
				.client_port = packet->sport,
				.service_port = packet->dport,
				.protocol = packet->protocol,
				.family = packet->family };
	const struct flow *known = bpf_map_lookup_elem(&flows, &key);
	return settings.reply != REPLY_DIRECT && known && known->endpoint != packet->from.endpoint;
}

static __always_inline int accept_flow(const struct packet *packet, int begins)
{
	return settings.reply != REPLY_DIRECT && packet->from.node ? note_flow(packet, begins, 0) : CONTINUE;
}

static __always_inline int accept_client(const struct packet *packet, __u32 listener)
{
	return settings.reply != REPLY_DIRECT && packet->from.node ? note_flow(packet, 0, listener) : CONTINUE;
}
