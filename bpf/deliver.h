/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An accepted packet to the socket that wants it. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>

#include "conn_cache.h"
#include "decap.h"
#include "flow.h"
#include "local.h"
#include "lookup.h"
#include "packet.h"
#include "reasons.h"
#include "socket.h"

static __always_inline int assign(struct __sk_buff *skb, struct packet *packet, struct bpf_sock *sk, int delivered)
{
	int reason = accept_flow(packet, packet->opens && delivered == REASON_DELIVERED_SERVICE);
	if (reason == CONTINUE)
		reason = strip(skb, packet) ? REASON_STRIP_FAILED : bpf_sk_assign(skb, sk, 0) ? REASON_ASSIGN_FAILED : delivered;
	bpf_sk_release(sk);
	return reason;
}

/* To the stack, with no socket chosen. */
static __always_inline int leave(struct __sk_buff *skb, struct packet *packet, int delivered)
{
	int reason = accept_flow(packet, 0);
	return reason != CONTINUE ? reason : strip(skb, packet) ? REASON_STRIP_FAILED : delivered;
}

/*
 * To the connection it belongs to, CONTINUE if there is none. It is only found here, and left to the stack to find again: that
 * knows the connection's route too, and a socket that is assigned has to have its route looked up. So one that was found in
 * this tick need not be found twice. It is let go last: before the headers are off, that was measured to take 10 ns more. TCP
 * and UDP are apart, here and below, because the kernel has a type of socket for each and takes no instruction that meets both.
 */
static __always_inline int deliver_established(struct __sk_buff *skb, struct packet *packet)
{
	struct recent *recent = recent_of(packet);
	if (recent && found_in_this_tick(recent, packet))
		return leave(skb, packet, REASON_DELIVERED_ESTABLISHED);
	struct bpf_sock_tuple tuple;
	__u32 size = set_tuple(&tuple, packet);
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return CONTINUE;
	int reason = CONTINUE;
	if (sk->state != BPF_TCP_LISTEN) {
		if (recent)
			remember(recent, packet);
		reason = leave(skb, packet, REASON_DELIVERED_ESTABLISHED);
	}
	bpf_sk_release(sk);
	return reason;
}

static __noinline int deliver_connected(struct __sk_buff *skb, struct packet *packet)
{
	struct bpf_sock_tuple tuple;
	__u32 size = set_tuple(&tuple, packet);
	struct bpf_sock *sk = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return CONTINUE;
	/* One bound to the destination but not connected is a tunneler's reply socket: it only writes. */
	int reason = sk->state == BPF_TCP_ESTABLISHED ? leave(skb, packet, REASON_DELIVERED_CONNECTED) : CONTINUE;
	bpf_sk_release(sk);
	return reason;
}

/* To the transparent listener of the service that takes it, on this port. */
static __always_inline int deliver_service_tcp(struct __sk_buff *skb, struct packet *packet, __u32 port)
{
	struct bpf_sock_tuple tuple;
	__u32 size = set_listener(&tuple, packet, port);
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	/* A packet in mid-stream may still complete a handshake that the listener left to a SYN cookie; it resets any other. */
	if (sk) {
		if (sk->state == BPF_TCP_LISTEN && on_loopback(packet, sk))
			return assign(skb, packet, sk, packet->opens ? REASON_DELIVERED_SERVICE : REASON_RESET);
		bpf_sk_release(sk);
	}
	return packet->opens ? REASON_NO_LISTENER : leave(skb, packet, REASON_RESET);
}

static __noinline int deliver_service_udp(struct __sk_buff *skb, struct packet *packet, __u32 port)
{
	struct bpf_sock_tuple tuple;
	__u32 size = set_listener(&tuple, packet, port);
	struct bpf_sock *sk = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	int reason = REASON_NO_LISTENER;
	if (sk) {
		if (on_loopback(packet, sk)) {
			reason = accept_client(packet, port);
			if (reason == CONTINUE)
				return assign(skb, packet, sk, REASON_DELIVERED_SERVICE);
		}
		bpf_sk_release(sk);
	}
	return reason;
}

static __noinline int deliver_local(struct __sk_buff *skb, struct packet *packet)
{
	return leave(skb, packet, REASON_DELIVERED_LOCAL);
}

static __always_inline int deliver(struct __sk_buff *skb, struct packet *packet)
{
	int tcp = packet->protocol == IPPROTO_TCP;
	int reason = tcp ? deliver_established(skb, packet) : deliver_connected(skb, packet);
	if (reason != CONTINUE)
		return reason;
	int port = find_service(packet);
	if (port == NO_PORT)
		return REASON_NO_SERVICE;
	if (source_is_local(packet))
		return REASON_INNER_SOURCE_ROUTER;
	if (port == 0)
		return deliver_local(skb, packet);
	return tcp ? deliver_service_tcp(skb, packet, port) : deliver_service_udp(skb, packet, port);
}
