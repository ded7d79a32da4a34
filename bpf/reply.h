/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Replies go back to the load balancer, with the header their flow came with. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "addresses.h"
#include "checksum.h"
#include "common.h"
#include "geneve.h"
#include "maps.h"
#include "mss.h"
#include "packet.h"
#include "parse.h"
#include "pull.h"
#include "translate.h"
#include "verdicts.h"

#define OUTER_TTL 64
#define AF_INET 2 /* <sys/socket.h> does not compile for BPF */
#define DONT_FRAGMENT 0x4000

/* A load balancer sends these outer headers. */
struct outer {
	struct iphdr ip;
	struct udphdr udp;
	struct geneve geneve;
	struct aws_options options;
} __attribute__((packed, aligned(4)));

/*
 * A reply's source is a service: what has an address of the router itself as its source is the router's own traffic. Returns
 * CONTINUE with `key` filled in, or a verdict.
 */
static __always_inline int read_reply(struct __sk_buff *skb, struct flow_key *key)
{
	struct cursor cursor = pull_headers(skb);
	struct udphdr *ports;

	if (!TAKE(&cursor, struct ethhdr))
		return VERDICT_PASSED;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = TAKE(&cursor, struct iphdr);
		if (!ip || ip->ihl != IPV4_WORDS || *(__u8 *)&ip->saddr == IN_LOOPBACKNET || own_address(ip->saddr))
			return VERDICT_PASSED;
		key->family = IPV4_VERSION;
		key->protocol = ip->protocol;
		key->client.words[0] = ip->daddr;
		key->service.words[0] = ip->saddr;
		struct reply_fragment_key fragment = { ip->saddr, ip->daddr, ip->id };
		if (ip->frag_off & bpf_htons(IP_OFFSET)) {
			struct flow_key *first = bpf_map_lookup_elem(&reply_fragments, &fragment);
			if (!first)
				return VERDICT_REPLY_UNKNOWN;
			*key = *first;
			return CONTINUE;
		}
		__u16 more = ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS);
		ports = TAKE(&cursor, struct udphdr);
		if (!ports)
			return VERDICT_PASSED;
		key->service_port = ports->source;
		key->client_port = ports->dest;
		if (more)
			bpf_map_update_elem(&reply_fragments, &fragment, key, BPF_ANY);
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = TAKE(&cursor, struct ipv6hdr);
		if (!ip || own_address6(ip->saddr.in6_u.u6_addr32))
			return VERDICT_PASSED;
		/* The stack cuts what is longer than our device takes, and OpenZiti's router has no IPv6 to cut. */
		if (ip->nexthdr == IPPROTO_FRAGMENT && skb->ifindex == reply_device.ifindex)
			return VERDICT_REPLY_TOO_LARGE;
		ports = TAKE(&cursor, struct udphdr);
		if (!ports)
			return VERDICT_PASSED;
		key->family = IPV6_VERSION;
		key->protocol = ip->nexthdr;
		__builtin_memcpy(&key->client, &ip->daddr, sizeof(key->client));
		__builtin_memcpy(&key->service, &ip->saddr, sizeof(key->service));
		key->service_port = ports->source;
		key->client_port = ports->dest;
	}
	return key->protocol == IPPROTO_TCP || key->protocol == IPPROTO_UDP ? CONTINUE : VERDICT_PASSED;
}

static __always_inline int encapsulate(struct __sk_buff *skb, const struct flow_key *key, const struct flow *flow)
{
	/* TCP segments that hardware is to cut shrink, if they can, to leave room for the header; datagrams keep their size. */
	int shrink = key->protocol == IPPROTO_TCP && skb->gso_size > sizeof(struct outer);
	__u64 fixed = shrink ? 0 : BPF_F_ADJ_ROOM_FIXED_GSO;
	__u32 inner = skb->len - ETH_HLEN;
	struct outer outer = {
		.ip = { .version = IPV4_VERSION,
			.ihl = IPV4_WORDS,
			.tot_len = bpf_htons(sizeof(outer) + inner),
			.frag_off = bpf_htons(DONT_FRAGMENT),
			.ttl = OUTER_TTL,
			.protocol = IPPROTO_UDP,
			.saddr = flow->router,
			.daddr = flow->node },
		/* The load balancer's port and GENEVE's stay as they came, not swapped. */
		.udp = { .source = flow->port,
			 .dest = bpf_htons(GENEVE_PORT),
			 .len = bpf_htons(sizeof(outer) - sizeof(outer.ip) + inner) },
		.geneve = { .version_length = sizeof(outer.options) / 4,
			    .protocol = bpf_htons(key->family == IPV4_VERSION ? ETH_P_IP : ETH_P_IPV6) },
		.options = { AWS_OPTION(AWS_ENDPOINT, 2), flow->endpoint, AWS_OPTION(AWS_ATTACHMENT, 2), flow->attachment,
			     AWS_OPTION(AWS_COOKIE, 1), flow->cookie },
	};
	outer.ip.check = ~fold(header_sum(&outer.ip));

	if (inner > INNER_MAX && !skb->gso_size)
		return VERDICT_REPLY_TOO_LARGE;
	if (settings.reply == REPLY_GENEVE_UNCUT && skb->gso_size && key->protocol == IPPROTO_UDP)
		return VERDICT_REPLY_FAILED;
	if (bpf_skb_adjust_room(skb, sizeof(outer), BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | fixed) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &outer, sizeof(outer), 0))
		return VERDICT_REPLY_FAILED;
	return VERDICT_REPLY_SENT;
}

/* A reply to a client whose port was translated goes to its own port. Only the first of several fragments has ports. */
static __always_inline void translate_back(struct __sk_buff *skb, const struct flow_key *key, const struct flow *flow)
{
	__u16 offset = 0;
	if (key->family == IPV4_VERSION &&
	    bpf_skb_load_bytes(skb, ETH_HLEN + __builtin_offsetof(struct iphdr, frag_off), &offset, sizeof(offset)))
		return;
	if (!(offset & bpf_htons(IP_OFFSET)))
		write_port(skb, 0, key->family, key->protocol, __builtin_offsetof(struct udphdr, dest), key->client_port, flow->client_port);
}

/* Returns VERDICT_REPLY_SENT with the interface that the reply leaves by, or why it is not sent. */
static __always_inline int send_reply(struct __sk_buff *skb, const struct flow_key *key, struct flow *flow, __u32 *ifindex)
{
	flow->seen = bpf_ktime_get_coarse_ns();
	/* A flow that an older version noted came by this interface. */
	*ifindex = flow->ifindex ? flow->ifindex : settings.ifindex;
	if (flow->client_port)
		translate_back(skb, key, flow);
	return encapsulate(skb, key, flow);
}

/* A packet that left by our device and is no reply leaves by the route that the stack has for what comes by the device: its own. */
static __noinline int send_on(struct __sk_buff *skb)
{
	struct bpf_fib_lookup route = { .family = AF_INET, .ifindex = skb->ifindex };
	struct bpf_redir_neigh next = {};
	struct iphdr ip;
	next.nh_family = AF_INET; /* apart, or the compiler makes a constant of it, where the settings are */
	if (skb->protocol == bpf_htons(ETH_P_IP) && bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) == 0) {
		route.tos = ip.tos;
		route.l4_protocol = ip.protocol;
		route.ipv4_src = ip.saddr;
		route.ipv4_dst = ip.daddr;
		long found = bpf_fib_lookup(skb, &route, sizeof(route), 0);
		next.ipv4_nh = route.ipv4_dst;
		if ((found == BPF_FIB_LKUP_RET_SUCCESS || found == BPF_FIB_LKUP_RET_NO_NEIGH || found == BPF_FIB_LKUP_RET_FRAG_NEEDED) &&
		    route.family == AF_INET)
			return bpf_redirect_neigh(route.ifindex, &next, sizeof(next), 0);
	}
	return bpf_redirect_neigh(settings.ifindex, NULL, 0, 0);
}
