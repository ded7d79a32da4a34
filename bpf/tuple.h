/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Socket tuples are what the kernel finds sockets by. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "packet.h"

/* The tuple becomes that of the packet's own connection. Returns its size, which tells the lookup helpers the family. */
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

/* True for a socket bound to the loopback address itself: who listens everywhere, on the same port, may be someone else. */
static __always_inline int on_loopback(const struct packet *packet, const struct bpf_sock *sk)
{
	__u32 address = sk->src_ip4;
	barrier_var(address); /* or the compiler makes one load of this and the next, by an address the kernel does not allow */
	if (packet->family == IPV4_VERSION)
		return address == bpf_htonl(INADDR_LOOPBACK);
	return !sk->src_ip6[0] && !sk->src_ip6[1] && !sk->src_ip6[2] && sk->src_ip6[3] == bpf_htonl(1);
}

/* The tuple becomes that of a listener on the loopback address. Returns its size. */
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
