/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A valid packet goes to the socket that wants it: its connection's, else that of the listener of the rule that takes it. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>

#include "common.h"
#include "conn_cache.h"
#include "decap.h"
#include "flow.h"
#include "local.h"
#include "packet.h"
#include "rules.h"
#include "tuple.h"
#include "verdicts.h"

/* The socket is released here. */
static __always_inline int assign(struct __sk_buff *skb, struct packet *packet, struct bpf_sock *sk, int delivered)
{
	int verdict = accept_flow(packet, packet->opens && delivered == VERDICT_DELIVERED_SERVICE);
	if (verdict == CONTINUE)
		verdict = decap(skb, packet);
	if (verdict == CONTINUE)
		verdict = bpf_sk_assign(skb, sk, 0) ? VERDICT_ASSIGN_FAILED : delivered;
	bpf_sk_release(sk);
	return verdict;
}

/* The stack gets the inner packet, and chooses the socket. */
static __always_inline int pass_to_stack(struct __sk_buff *skb, struct packet *packet, int delivered)
{
	int verdict = accept_flow(packet, 0);
	if (verdict == CONTINUE)
		verdict = decap(skb, packet);
	return verdict == CONTINUE ? delivered : verdict;
}

/*
 * A TCP packet of an established connection goes to the stack. CONTINUE if there is no such connection. The connection is only
 * found here, and left to the stack to find again: that knows the connection's route too, and a socket that is assigned has to
 * have its route looked up. So one that was found in this tick need not be found twice. Its socket is released last: before the
 * headers are off, that was measured to take 10 ns more. TCP and UDP are apart, here and below, because the kernel has a type of
 * socket for each and takes no instruction that meets both.
 */
static __always_inline int deliver_established(struct __sk_buff *skb, struct packet *packet)
{
	struct cached_connection *cached = connection_slot(packet);
	if (cached && is_cached(cached, packet))
		return pass_to_stack(skb, packet, VERDICT_DELIVERED_ESTABLISHED);
	struct bpf_sock_tuple tuple;
	__u32 size = set_tuple(&tuple, packet);
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return CONTINUE;
	int verdict = CONTINUE;
	if (sk->state != BPF_TCP_LISTEN) {
		if (cached)
			cache_connection(cached, packet);
		verdict = pass_to_stack(skb, packet, VERDICT_DELIVERED_ESTABLISHED);
	}
	bpf_sk_release(sk);
	return verdict;
}

static __noinline int deliver_connected(struct __sk_buff *skb, struct packet *packet)
{
	struct bpf_sock_tuple tuple;
	__u32 size = set_tuple(&tuple, packet);
	struct bpf_sock *sk = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return CONTINUE;
	/* A socket bound to the destination but not connected is a tunneler's reply socket, which only writes. */
	int verdict = sk->state == BPF_TCP_ESTABLISHED ? pass_to_stack(skb, packet, VERDICT_DELIVERED_CONNECTED) : CONTINUE;
	bpf_sk_release(sk);
	return verdict;
}

/* The rule's transparent listener on this port gets a TCP packet. */
static __always_inline int deliver_service_tcp(struct __sk_buff *skb, struct packet *packet, __u32 port)
{
	struct bpf_sock_tuple tuple;
	__u32 size = set_listener(&tuple, packet, port);
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	/* A packet in mid-stream may still complete a handshake that the listener left to a SYN cookie; it resets any other. */
	if (sk) {
		if (sk->state == BPF_TCP_LISTEN && on_loopback(packet, sk))
			return assign(skb, packet, sk, packet->opens ? VERDICT_DELIVERED_SERVICE : VERDICT_RESET);
		bpf_sk_release(sk);
	}
	return packet->opens ? VERDICT_NO_LISTENER : pass_to_stack(skb, packet, VERDICT_RESET);
}

static __noinline int deliver_service_udp(struct __sk_buff *skb, struct packet *packet, __u32 port)
{
	struct bpf_sock_tuple tuple;
	__u32 size = set_listener(&tuple, packet, port);
	struct bpf_sock *sk = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	int verdict = VERDICT_NO_LISTENER;
	if (sk) {
		if (on_loopback(packet, sk)) {
			verdict = accept_client(packet, port);
			if (verdict == CONTINUE)
				return assign(skb, packet, sk, VERDICT_DELIVERED_SERVICE);
		}
		bpf_sk_release(sk);
	}
	return verdict;
}

static __noinline int deliver_local(struct __sk_buff *skb, struct packet *packet)
{
	return pass_to_stack(skb, packet, VERDICT_DELIVERED_LOCAL);
}

static __always_inline int deliver(struct __sk_buff *skb, struct packet *packet)
{
	int tcp = packet->protocol == IPPROTO_TCP;
	if (reply_device.ifindex && packet->from.node && packet->family == IPV4_VERSION &&
	    packet->saddr.words[0] != packet->daddr.words[0])
		packet->detour = needs_detour(packet->saddr.words[0]);
	int verdict = tcp ? deliver_established(skb, packet) : deliver_connected(skb, packet);
	if (verdict != CONTINUE)
		return verdict;
	int port = find_service(packet);
	if (port == NO_PORT)
		return VERDICT_NO_SERVICE;
	if (!packet->detour && source_is_local(packet))
		return VERDICT_INNER_SOURCE_ROUTER;
	if (port == 0)
		return deliver_local(skb, packet);
	return tcp ? deliver_service_tcp(skb, packet, port) : deliver_service_udp(skb, packet, port);
}
