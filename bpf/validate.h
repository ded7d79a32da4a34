/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet of the load balancer must be right in every field, which are checked in the order of verdicts.h. */
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
#include "verdicts.h"

/* IPv4's version and header length are one byte. */
static __always_inline int is_without_options(const struct iphdr *ip)
{
	return *(const __u8 *)ip == (IPV4_VERSION << 4 | IPV4_WORDS);
}

static __always_inline int validate_inner4(struct cursor *cursor, struct packet *packet, __u32 available)
{
	struct iphdr *ip = TAKE(cursor, struct iphdr);
	if (!ip || available < sizeof(*ip))
		return VERDICT_INNER_TRUNCATED;
	if (!is_without_options(ip))
		return ip->version != IPV4_VERSION ? VERDICT_INNER_VERSION : VERDICT_INNER_OPTIONS;
	__u32 length = bpf_ntohs(ip->tot_len);
	if (length > available || length < sizeof(*ip))
		return VERDICT_INNER_LENGTH;
	if (ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET)) {
		packet->fragment = bpf_ntohs(ip->frag_off) & (IP_MORE_FRAGMENTS | IP_OFFSET);
		packet->fragment_id = ip->id;
		if (ip->protocol != IPPROTO_UDP)
			return VERDICT_INNER_FRAGMENT;
	}
	if (!ip->ttl)
		return VERDICT_INNER_TTL;

	__u32 daddr = bpf_ntohl(ip->daddr);
	__u8 first = daddr >> 24;
	if (first == 0 || first == IN_LOOPBACKNET ||
	    (first >= INADDR_UNSPEC_GROUP >> 24 && (IN_MULTICAST(daddr) || daddr == INADDR_BROADCAST)))
		return VERDICT_INNER_DESTINATION;
	if (own_address(ip->daddr))
		return VERDICT_INNER_DESTINATION_ROUTER;

	packet->family = IPV4_VERSION;
	packet->address_bits = ADDRESS_BITS(IPV4_VERSION);
	packet->protocol = ip->protocol;
	packet->transport_length = length - sizeof(*ip);
	packet->saddr.words[0] = ip->saddr;
	packet->daddr.words[0] = ip->daddr;
	return CONTINUE;
}

/* Returns the UDP destination port behind an IPv4 header of this many words, or -1. */
static __always_inline int destination_port(struct __sk_buff *skb, __u32 words)
{
	struct udphdr udp;
	return bpf_skb_load_bytes(skb, ETH_HLEN + words * 4, &udp, sizeof(udp)) ? -1 : bpf_ntohs(udp.dest);
}

static __always_inline int validate_ports(struct cursor *cursor, struct packet *packet)
{
	if (packet->fragment)
		return CONTINUE_FRAGMENT; /* only the first one has ports */
	if (packet->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = TAKE(cursor, struct tcphdr);
		if (!tcp || packet->transport_length < sizeof(*tcp))
			return VERDICT_INNER_TRUNCATED;
		packet->ports = *(__be32 *)tcp;
		packet->opens = tcp->syn && !tcp->ack;
		return CONTINUE;
	}
	if (packet->protocol == IPPROTO_UDP) {
		struct udphdr *udp = TAKE(cursor, struct udphdr);
		if (!udp || packet->transport_length < sizeof(*udp))
			return VERDICT_INNER_TRUNCATED;
		packet->ports = *(__be32 *)udp;
		return CONTINUE;
	}
	return VERDICT_INNER_PROTOCOL;
}

/* IPv6 is a function of its own, as OpenZiti's router takes none. */
static __noinline int validate_inner6(struct cursor *cursor, struct packet *packet, __u32 available)
{
	struct ipv6hdr *ip = TAKE(cursor, struct ipv6hdr);
	if (!ip || available < sizeof(*ip))
		return VERDICT_INNER_TRUNCATED;
	if (ip->version != IPV6_VERSION)
		return VERDICT_INNER_VERSION;
	packet->transport_length = bpf_ntohs(ip->payload_len);
	if (sizeof(*ip) + packet->transport_length > available)
		return VERDICT_INNER_LENGTH;
	if (ip->nexthdr == IPPROTO_FRAGMENT)
		return VERDICT_INNER_FRAGMENT;
	if (!ip->hop_limit)
		return VERDICT_INNER_TTL;

	__be32 *to = ip->daddr.in6_u.u6_addr32;
	if (no_host6(to))
		return VERDICT_INNER_DESTINATION;
	if (own_address6(to))
		return VERDICT_INNER_DESTINATION_ROUTER;

	packet->family = IPV6_VERSION;
	packet->address_bits = ADDRESS_BITS(IPV6_VERSION);
	packet->protocol = ip->nexthdr;
	__builtin_memcpy(&packet->saddr, &ip->saddr, sizeof(packet->saddr));
	__builtin_memcpy(&packet->daddr, &ip->daddr, sizeof(packet->daddr));
	return validate_ports(cursor, packet);
}

/* The cursor is at the inner IPv4 packet, which is for a socket and has `available` bytes. */
static __always_inline int validate_ipv4(struct __sk_buff *skb, struct cursor *cursor, struct packet *packet, __u32 available)
{
	int verdict = validate_inner4(cursor, packet, available);
	if (verdict == CONTINUE)
		verdict = validate_ports(cursor, packet);
	return verdict == VERDICT_INNER_PROTOCOL ? validate_icmp_error(skb, packet) : verdict;
}

/* The cursor is at the GENEVE header, in a datagram of `length` bytes. */
static __always_inline int validate_geneve(struct cursor *cursor, struct packet *packet, __u32 length)
{
	struct geneve *geneve = TAKE(cursor, struct geneve);
	if (!geneve)
		return VERDICT_GENEVE_TRUNCATED;
	__u32 headers = sizeof(struct udphdr) + sizeof(*geneve) + GENEVE_OPTION_BYTES(geneve);
	if (headers > length)
		return VERDICT_GENEVE_TRUNCATED;
	packet->outer = sizeof(struct iphdr) + headers;
	if (GENEVE_VERSION(geneve))
		return VERDICT_GENEVE_VERSION;
	if (geneve->flags & GENEVE_FLAG_CONTROL)
		return VERDICT_GENEVE_CONTROL;
	return geneve->vni[0] | geneve->vni[1] | geneve->vni[2] ? VERDICT_GENEVE_VNI : CONTINUE;
}

/*
 * GENEVE without a fault in its header, and yet not as AWS sends it around IPv4, is in a datagram of `length` bytes: a function of
 * its own, so that the way of all others stays short.
 */
static __noinline int validate_unusual(struct __sk_buff *skb, struct packet *packet, __u32 length)
{
	struct cursor cursor = { (void *)(long)skb->data + GENEVE_AT, (void *)(long)skb->data_end };
	struct geneve *geneve = TAKE(&cursor, struct geneve);
	if (!geneve)
		return VERDICT_GENEVE_TRUNCATED;
	__u32 options = GENEVE_OPTION_BYTES(geneve);
	__u32 available = length - sizeof(struct udphdr) - sizeof(*geneve) - options;
	__be16 protocol = geneve->protocol;
	if (!take(&cursor, options))
		return VERDICT_GENEVE_TRUNCATED;
	int verdict = read_options(skb, &packet->from, options);
	if (verdict != CONTINUE)
		return verdict;
	if (protocol == bpf_htons(ETH_P_IPV6))
		return validate_inner6(&cursor, packet, available);
	return protocol == bpf_htons(ETH_P_IP) ? validate_ipv4(skb, &cursor, packet, available) : VERDICT_GENEVE_PROTOCOL;
}

/*
 * True for a whole inner packet with nothing behind it. The kernel merges packets before programs see them (GRO): of inner TCP it
 * makes one inner packet, which fills its datagram. Of GENEVE's own datagrams it makes one with a row of inner packets, of which
 * the stack would take the first alone. The UDP checksum of what was merged is not looked at again: the kernel has verified each
 * packet's, and Linux before 6.12 writes a wrong one into the whole.
 */
static __always_inline int fills(const struct packet *packet, __u32 available)
{
	__u32 header = packet->family == IPV4_VERSION ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	return header + packet->transport_length == available;
}

/* A packet without GENEVE, routed straight to the router, has a function of its own, so that the way of all others stays short. */
static __noinline int validate_plain(struct __sk_buff *skb, struct packet *packet)
{
	struct cursor cursor = pull_headers(skb);
	if (!TAKE(&cursor, struct ethhdr))
		return VERDICT_PASSED;
	return validate_ipv4(skb, &cursor, packet, skb->len - ETH_HLEN);
}

/*
 * Returns VERDICT_PASSED for a packet that is not the diverter's, CONTINUE, CONTINUE_FRAGMENT or CONTINUE_ICMP_ERROR with `packet`
 * filled in, or the verdict on the first fault.
 */
static __always_inline int validate(struct __sk_buff *skb, struct packet *packet)
{
	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->vlan_present)
		return VERDICT_PASSED;
	struct cursor cursor = pull_headers(skb);
	void *frame = take(&cursor, ETH_HLEN + sizeof(struct iphdr));
	if (!frame)
		return VERDICT_PASSED;

	struct iphdr *ip = frame + ETH_HLEN;
	if (!is_without_options(ip) && (ip->version != IPV4_VERSION || ip->ihl < IPV4_WORDS))
		return VERDICT_PASSED;
	int own = one_of_first(ip->daddr, settings.interface_count);
	if (!own && (ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP) &&
	    in_one_of(ip->daddr, settings.plain, settings.plain_count) && !own_address(ip->daddr)) {
		*packet = (struct packet){ .merged = segments_of(skb) - 1 };
		return validate_plain(skb, packet);
	}
	/* Later outer fragments have no ports. The stack never puts them together, as their first one is dropped below. */
	if (!own || ip->protocol != IPPROTO_UDP || ip->frag_off & bpf_htons(IP_OFFSET))
		return VERDICT_PASSED;
	if (!is_without_options(ip))
		return destination_port(skb, ip->ihl) == GENEVE_PORT ? VERDICT_OUTER_OPTIONS : VERDICT_PASSED;
	struct udphdr *udp = TAKE(&cursor, struct udphdr);
	if (!udp || udp->dest != bpf_htons(GENEVE_PORT))
		return VERDICT_PASSED;

	__u32 length = bpf_ntohs(ip->tot_len);
	if (ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS))
		return VERDICT_OUTER_FRAGMENT;
	if (fold(header_sum(ip)) != CHECKSUM_RIGHT)
		return VERDICT_OUTER_CHECKSUM;
	if (!in_one_of(ip->saddr, settings.from, settings.from_count))
		return VERDICT_SOURCE_NOT_ALLOWED;
	if (length < sizeof(*ip) + sizeof(*udp) || ETH_HLEN + length > skb->len)
		return VERDICT_OUTER_LENGTH;
	__u32 udp_length = length - sizeof(*ip);
	if (bpf_ntohs(udp->len) != udp_length)
		return VERDICT_UDP_LENGTH;

	*packet = (struct packet){};
	packet->from.node = ip->saddr;
	packet->from.router = ip->daddr;
	packet->from.port = udp->source;
	__be16 check = udp->check;

	int verdict;
	struct cursor header = cursor;
	if (udp_length >= USUAL_LENGTH && read_usual_geneve(&cursor, &packet->from)) {
		packet->outer = sizeof(*ip) + USUAL_LENGTH;
		verdict = validate_ipv4(skb, &cursor, packet, udp_length - USUAL_LENGTH);
	} else {
		verdict = validate_geneve(&header, packet, udp_length);
		if (verdict == CONTINUE)
			verdict = validate_unusual(skb, packet, udp_length);
	}
	if (verdict >= 0)
		return verdict;
	packet->aggregate = skb->gso_size;
	if (packet->aggregate) {
		packet->merged = segments_of(skb) - 1;
		return verdict == CONTINUE && fills(packet, length - packet->outer) ? CONTINUE : VERDICT_AGGREGATE;
	}
	return check && !udp_checksum_right(skb, udp_length) ? VERDICT_UDP_CHECKSUM : verdict;
}
