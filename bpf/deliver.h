/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An accepted packet to the socket that wants it. */
#pragma once

/*
 * For IPv6, the kernel must also come to see it. The one helper that tells it (before 6.3) turns an IPv4 header into room for
 * an IPv6 one: so a header's worth more is taken off, that room given, and the inner header written into it again. Who looks at
 * the frame goes by the Ethernet header's type, which is still IPv4's.
 */
static __noinline int strip6(struct __sk_buff *skb, __u32 outer)
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

/* Takes the outer headers off, so that the inner packet stands behind the Ethernet header. */
static __always_inline int strip(struct __sk_buff *skb, const struct packet *packet)
{
	if (!packet->outer)
		return 0;
	if (packet->family == IPV6_VERSION)
		return strip6(skb, packet->outer);
	return bpf_skb_adjust_room(skb, -(__s32)packet->outer, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
}

/* Of the connection that the packet belongs to. The size, as below: it tells the lookup helpers the family. */
static __always_inline __u32 set_tuple(struct bpf_sock_tuple *tuple, const struct packet *packet)
{
	if (packet->family == IPV4_VERSION) {
		tuple->ipv4.saddr = packet->saddr.words[0];
		tuple->ipv4.daddr = packet->daddr.words[0];
		tuple->ipv4.sport = packet->sport;
		tuple->ipv4.dport = packet->dport;
		return sizeof(tuple->ipv4);
	}
	__builtin_memcpy(tuple->ipv6.saddr, &packet->saddr, sizeof(packet->saddr));
	__builtin_memcpy(tuple->ipv6.daddr, &packet->daddr, sizeof(packet->daddr));
	tuple->ipv6.sport = packet->sport;
	tuple->ipv6.dport = packet->dport;
	return sizeof(tuple->ipv6);
}

/* Bound to the loopback address itself: a service's port may long belong to someone else, who listens everywhere. */
static __always_inline int on_loopback(const struct packet *packet, const struct bpf_sock *sk)
{
	__u32 address = sk->src_ip4;
	barrier_var(address); /* or the compiler makes one load of this and the next, by an address the kernel does not allow */
	if (packet->family == IPV4_VERSION)
		return address == bpf_htonl(INADDR_LOOPBACK);
	return !sk->src_ip6[0] && !sk->src_ip6[1] && !sk->src_ip6[2] && sk->src_ip6[3] == bpf_htonl(1);
}

static __always_inline int assign(struct __sk_buff *skb, struct packet *packet, struct bpf_sock *sk, int delivered)
{
	int reason = accept_flow(packet, packet->opens && delivered == REASON_DELIVERED_SERVICE);
	if (reason == ACCEPTED)
		reason = strip(skb, packet) ? REASON_STRIP_FAILED : bpf_sk_assign(skb, sk, 0) ? REASON_ASSIGN_FAILED : delivered;
	bpf_sk_release(sk);
	return reason;
}

/* To the stack, with no socket chosen. */
static __always_inline int leave(struct __sk_buff *skb, struct packet *packet, int delivered)
{
	int reason = accept_flow(packet, 0);
	return reason != ACCEPTED ? reason : strip(skb, packet) ? REASON_STRIP_FAILED : delivered;
}

static __always_inline __u32 set_listener(struct bpf_sock_tuple *tuple, const struct packet *packet, __u16 port)
{
	if (packet->family == IPV4_VERSION) {
		__builtin_memset(tuple, 0, sizeof(tuple->ipv4));
		tuple->ipv4.daddr = bpf_htonl(INADDR_LOOPBACK);
		tuple->ipv4.dport = bpf_htons(port);
		return sizeof(tuple->ipv4);
	}
	__builtin_memset(tuple, 0, sizeof(tuple->ipv6));
	tuple->ipv6.daddr[3] = bpf_htonl(1);
	tuple->ipv6.dport = bpf_htons(port);
	return sizeof(tuple->ipv6);
}

/*
 * To the connection it belongs to, ACCEPTED if there is none. It is only found here, and left to the stack to find again: that
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
		return ACCEPTED;
	int reason = ACCEPTED;
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
		return ACCEPTED;
	/* One bound to the destination but not connected is a tunneler's reply socket: it only writes. */
	int reason = sk->state == BPF_TCP_ESTABLISHED ? leave(skb, packet, REASON_DELIVERED_CONNECTED) : ACCEPTED;
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
			if (reason == ACCEPTED)
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
	if (reason != ACCEPTED)
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
