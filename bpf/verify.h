/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is this a packet of the load balancer's, and right in every field? The order of the checks is that of reasons.h. */
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

#include "addresses.h"
#include "checksum.h"
#include "common.h"
#include "geneve.h"
#include "icmp_error.h"
#include "maps.h"
#include "packet.h"
#include "parse.h"
#include "pull.h"

static __always_inline int verify_inner4(struct cursor *cursor, struct packet *packet, __u32 available)
{
	struct iphdr *ip = TAKE(cursor, struct iphdr);
	if (!ip || available < sizeof(*ip))
		return REASON_INNER_TRUNCATED;
	if (ip->version != IPV4_VERSION)
		return REASON_INNER_VERSION;
	if (ip->ihl != IPV4_WORDS)
		return REASON_INNER_OPTIONS;
	__u32 length = bpf_ntohs(ip->tot_len);
	if (length > available || length < sizeof(*ip))
		return REASON_INNER_LENGTH;
	packet->fragment = bpf_ntohs(ip->frag_off) & (IP_MORE_FRAGMENTS | IP_OFFSET);
	packet->fragment_id = ip->id;
	if (packet->fragment && ip->protocol != IPPROTO_UDP)
		return REASON_INNER_FRAGMENT;
	if (!ip->ttl)
		return REASON_INNER_TTL;

	__u32 daddr = bpf_ntohl(ip->daddr);
	__u8 first = daddr >> 24;
	if (first == 0 || first == IN_LOOPBACKNET || IN_MULTICAST(daddr) || daddr == INADDR_BROADCAST)
		return REASON_INNER_DESTINATION;
	if (own_address(ip->daddr))
		return REASON_INNER_DESTINATION_ROUTER;

	packet->family = IPV4_VERSION;
	packet->address_bits = ADDRESS_BITS(IPV4_VERSION);
	packet->protocol = ip->protocol;
	packet->segment = length - sizeof(*ip);
	packet->saddr.words[0] = ip->saddr;
	packet->daddr.words[0] = ip->daddr;
	return CONTINUE;
}

/* Of a UDP packet behind an IPv4 header of this many words. */
static __always_inline int destination_port(struct __sk_buff *skb, __u32 words)
{
	struct udphdr udp;
	return bpf_skb_load_bytes(skb, ETH_HLEN + words * 4, &udp, sizeof(udp)) ? -1 : bpf_ntohs(udp.dest);
}

static __always_inline int verify_ports(struct cursor *cursor, struct packet *packet)
{
	if (packet->fragment)
		return CONTINUE; /* they are in the first one only */
	if (packet->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = TAKE(cursor, struct tcphdr);
		if (!tcp || packet->segment < sizeof(*tcp))
			return REASON_INNER_TRUNCATED;
		packet->sport = tcp->source;
		packet->dport = tcp->dest;
		packet->opens = tcp->syn && !tcp->ack;
		return CONTINUE;
	}
	if (packet->protocol == IPPROTO_UDP) {
		struct udphdr *udp = TAKE(cursor, struct udphdr);
		if (!udp || packet->segment < sizeof(*udp))
			return REASON_INNER_TRUNCATED;
		packet->sport = udp->source;
		packet->dport = udp->dest;
		return CONTINUE;
	}
	return REASON_INNER_PROTOCOL;
}

/* A function of its own, as OpenZiti's router takes no IPv6. */
static __noinline int verify_inner6(struct cursor *cursor, struct packet *packet, __u32 available)
{
	struct ipv6hdr *ip = TAKE(cursor, struct ipv6hdr);
	if (!ip || available < sizeof(*ip))
		return REASON_INNER_TRUNCATED;
	if (ip->version != IPV6_VERSION)
		return REASON_INNER_VERSION;
	packet->segment = bpf_ntohs(ip->payload_len);
	if (sizeof(*ip) + packet->segment > available)
		return REASON_INNER_LENGTH;
	if (ip->nexthdr == IPPROTO_FRAGMENT)
		return REASON_INNER_FRAGMENT;
	if (!ip->hop_limit)
		return REASON_INNER_TTL;

	__be32 *to = ip->daddr.in6_u.u6_addr32;
	if (no_host6(to))
		return REASON_INNER_DESTINATION;
	if (own_address6(to))
		return REASON_INNER_DESTINATION_ROUTER;

	packet->family = IPV6_VERSION;
	packet->address_bits = ADDRESS_BITS(IPV6_VERSION);
	packet->protocol = ip->nexthdr;
	__builtin_memcpy(&packet->saddr, &ip->saddr, sizeof(packet->saddr));
	__builtin_memcpy(&packet->daddr, &ip->daddr, sizeof(packet->daddr));
	return verify_ports(cursor, packet);
}

/* The packet for a socket, at the cursor, with `available` bytes. */
static __always_inline int verify_inner(struct __sk_buff *skb, struct cursor *cursor, struct packet *packet, __u32 available,
					__be16 protocol)
{
	if (protocol == bpf_htons(ETH_P_IPV6)) {
		struct cursor copy = *cursor; /* so that the other stays in registers */
		return verify_inner6(&copy, packet, available);
	}
	if (protocol != bpf_htons(ETH_P_IP))
		return REASON_GENEVE_PROTOCOL;
	int reason = verify_inner4(cursor, packet, available);
	if (reason == CONTINUE)
		reason = verify_ports(cursor, packet);
	return reason == REASON_INNER_PROTOCOL ? verify_error(skb, packet) : reason;
}

/* The GENEVE header at the cursor, in a datagram of `length` bytes. Its `protocol` is of what it carries. */
static __always_inline int verify_geneve(struct __sk_buff *skb, struct cursor *cursor, struct packet *packet, __u32 length,
					 __be16 *protocol)
{
	struct geneve *geneve = TAKE(cursor, struct geneve);
	if (!geneve || length < sizeof(struct udphdr) + sizeof(*geneve))
		return REASON_GENEVE_TRUNCATED;
	__u32 options = GENEVE_OPTION_BYTES(geneve);
	__u32 headers = sizeof(struct udphdr) + sizeof(*geneve) + options;
	if (headers > length)
		return REASON_GENEVE_TRUNCATED;
	packet->outer = sizeof(struct iphdr) + headers;
	if (GENEVE_VERSION(geneve))
		return REASON_GENEVE_VERSION;
	if (geneve->flags & GENEVE_FLAG_CONTROL)
		return REASON_GENEVE_CONTROL;
	if (geneve->vni[0] | geneve->vni[1] | geneve->vni[2])
		return REASON_GENEVE_VNI;
	*protocol = geneve->protocol;
	struct cursor at = *cursor;
	if (!take(cursor, options))
		return REASON_GENEVE_TRUNCATED;
	return read_usual_options(at, &packet->from, options) ? CONTINUE : read_options(skb, &packet->from, options);
}

/* A packet that is routed straight to the router: a function of its own, so that the way of all others stays short. */
static __noinline int verify_plain(struct __sk_buff *skb, struct packet *packet)
{
	struct cursor cursor = start(skb);
	if (!TAKE(&cursor, struct ethhdr))
		return REASON_PASSED;
	return verify_inner(skb, &cursor, packet, skb->len - ETH_HLEN, bpf_htons(ETH_P_IP));
}

/* REASON_PASSED for what is not for us to judge, CONTINUE or CONTINUE_ICMP_ERROR with `packet` filled in, or the reason of the first fault. */
static __always_inline int verify(struct __sk_buff *skb, struct packet *packet)
{
	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->vlan_present)
		return REASON_PASSED;
	struct cursor cursor = start(skb);
	if (!TAKE(&cursor, struct ethhdr))
		return REASON_PASSED;

	struct iphdr *ip = TAKE(&cursor, struct iphdr);
	if (!ip || ip->version != IPV4_VERSION || ip->ihl < IPV4_WORDS)
		return REASON_PASSED;
	int own = one_of_first(ip->daddr, settings.interface_count);
	if (!own && (ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP) &&
	    in_one_of(ip->daddr, settings.plain, settings.plain_count, MAX_PLAIN) && !own_address(ip->daddr))
		return verify_plain(skb, packet);
	/* Later fragments have no ports: left to the stack, they never meet their first one, which is refused below. */
	if (!own || ip->protocol != IPPROTO_UDP || ip->frag_off & bpf_htons(IP_OFFSET))
		return REASON_PASSED;
	if (ip->ihl != IPV4_WORDS)
		return destination_port(skb, ip->ihl) == GENEVE_PORT ? REASON_OUTER_OPTIONS : REASON_PASSED;
	struct udphdr *udp = TAKE(&cursor, struct udphdr);
	if (!udp || udp->dest != bpf_htons(GENEVE_PORT))
		return REASON_PASSED;

	if (ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS))
		return REASON_OUTER_FRAGMENT;
	if (fold(header_sum(ip)) != CHECKSUM_RIGHT)
		return REASON_OUTER_CHECKSUM;
	if (!in_one_of(ip->saddr, settings.from, settings.from_count, MAX_FROM))
		return REASON_SOURCE_NOT_ALLOWED;
	__u32 length = bpf_ntohs(ip->tot_len);
	if (length < sizeof(*ip) + sizeof(*udp) || ETH_HLEN + length > skb->len)
		return REASON_OUTER_LENGTH;
	__u32 udp_length = length - sizeof(*ip);
	if (bpf_ntohs(udp->len) != udp_length)
		return REASON_UDP_LENGTH;
	packet->from.node = ip->saddr;
	packet->from.router = ip->daddr;
	packet->from.port = udp->source;
	__u32 pseudo = udp->check ? fold(pseudo_header_sum(ip, udp_length)) : 0;

	__be16 protocol;
	int reason = verify_geneve(skb, &cursor, packet, udp_length, &protocol);
	if (reason == CONTINUE)
		reason = verify_inner(skb, &cursor, packet, length - packet->outer, protocol);
	if (reason < 0 && pseudo && !udp_checksum_right(skb, pseudo, udp_length))
		return REASON_UDP_CHECKSUM;
	return reason;
}
