/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors (RFC 792) answer what a service has sent, most often that it is too long for some link on its way: without them a
 * connection over such a link would stand still.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "decap.h"
#include "flow.h"
#include "local.h"
#include "packet.h"
#include "tuple.h"
#include "verdicts.h"

/* <linux/icmp.h>, which has these, does not compile for BPF. */
#define ICMP_DEST_UNREACH 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

/* An ICMP error quotes an IP header, without options as the kernel sends none, and at least 8 bytes behind it. */
struct icmp_error {
	__u8 type;
	__u8 code;
	__be16 check;
	__u32 unused;
	struct iphdr ip;
	__be16 source;
	__be16 dest;
	__u32 sequence; /* or length and checksum of UDP */
};

/* An inner packet that is neither TCP nor UDP gets its verdict, or CONTINUE_ICMP_ERROR with `packet` made from what it quotes. */
static __noinline int validate_icmp_error(struct __sk_buff *skb, struct packet *packet)
{
	struct icmp_error error;
	if (packet->protocol != IPPROTO_ICMP || packet->transport_length < sizeof(error) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + packet->outer + sizeof(struct iphdr), &error, sizeof(error)))
		return VERDICT_INNER_PROTOCOL;
	__u8 protocol = error.ip.protocol;
	if ((error.type != ICMP_DEST_UNREACH && error.type != ICMP_TIME_EXCEEDED && error.type != ICMP_PARAMETERPROB) ||
	    error.ip.version != IPV4_VERSION || error.ip.ihl != IPV4_WORDS || error.ip.frag_off & bpf_htons(IP_OFFSET) ||
	    error.ip.saddr != packet->daddr.words[0] || (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
		return VERDICT_INNER_PROTOCOL;
	packet->reporter = packet->saddr.words[0];
	/* A quoted packet was sent to the client: source and destination change places. */
	packet->protocol = protocol;
	packet->saddr.words[0] = error.ip.daddr;
	packet->sport = error.dest;
	packet->dport = error.source;
	return CONTINUE_ICMP_ERROR;
}

static __always_inline int connection_exists(struct __sk_buff *skb, const struct packet *packet)
{
	struct bpf_sock_tuple tuple;
	__u32 size = set_tuple(&tuple, packet);
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	int exists = sk->state != BPF_TCP_LISTEN;
	bpf_sk_release(sk);
	return exists;
}

/* A UDP socket bound to the service's address itself, connected or not, is a tunneler's reply socket or a resolver's. */
static __always_inline int reply_socket_exists(struct __sk_buff *skb, const struct packet *packet)
{
	struct bpf_sock_tuple tuple;
	__u32 size = set_tuple(&tuple, packet);
	struct bpf_sock *sk = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	int exists = sk->src_ip4 == packet->daddr.words[0];
	bpf_sk_release(sk);
	return exists;
}

/*
 * The client of a translated flow quotes its own port, and its socket here has the other one. The transport's checksum is left as it
 * is quoted: the kernel does not look at it.
 */
static __noinline void translate_quoted(struct __sk_buff *skb, struct packet *packet)
{
	const struct translation *known = find_translation(packet);
	if (!known)
		return;
	__be16 port = known->port;
	__u32 icmp = ETH_HLEN + packet->outer + sizeof(struct iphdr);
	if (bpf_l4_csum_replace(skb, icmp + __builtin_offsetof(struct icmp_error, check), packet->sport, port, sizeof(port)) ||
	    bpf_skb_store_bytes(skb, icmp + __builtin_offsetof(struct icmp_error, dest), &port, sizeof(port), 0))
		return;
	packet->sport = port;
}

/* The stack gets the error, and finds the socket. Its flow is not noted: the load balancer has another cookie for it. */
static __noinline int deliver_icmp_error(struct __sk_buff *skb, struct packet *packet)
{
	if (settings.reply != REPLY_DIRECT && packet->from.node)
		translate_quoted(skb, packet);
	int exists = packet->protocol == IPPROTO_TCP ? connection_exists(skb, packet) : reply_socket_exists(skb, packet);
	if (!exists)
		return VERDICT_INNER_PROTOCOL;
	packet->detour = reply_device.ifindex && packet->from.node && needs_detour(packet->reporter);
	if (!packet->detour && in_local_range(bpf_ntohl(packet->reporter)))
		return VERDICT_INNER_SOURCE_ROUTER;
	if (is_from_another_endpoint(packet))
		return VERDICT_FLOW_CONFLICT;
	int verdict = decap(skb, packet);
	return verdict == CONTINUE ? VERDICT_DELIVERED_ERROR : verdict;
}
