// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The diverter is measured against these: the cost of running any program, of the bare strip, and of what the kernel's helpers
 * alone take, with no check but those that it insists on.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define LISTENER_PORT 40000

/* The outer headers are IPv4, UDP, and GENEVE with the options of AWS. */
#define OUTER 68

SEC("tc")
int empty(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_OK;
}

SEC("tc")
int strip(struct __sk_buff *skb)
{
	if (skb->len < 14 + OUTER + 20)
		return TC_ACT_SHOT;
	return bpf_skb_adjust_room(skb, -OUTER, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) ? TC_ACT_SHOT : TC_ACT_OK;
}

static __always_inline int tuple_of(struct __sk_buff *skb, struct bpf_sock_tuple *tuple)
{
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN + OUTER;
	struct tcphdr *tcp = (void *)(ip + 1);
	if ((void *)(tcp + 1) > (void *)(long)skb->data_end)
		return -1;
	tuple->ipv4.saddr = ip->saddr;
	tuple->ipv4.daddr = ip->daddr;
	tuple->ipv4.sport = tcp->source;
	tuple->ipv4.dport = tcp->dest;
	return 0;
}

/* A packet of a connection needs this. */
SEC("tc")
int find(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	if (tuple_of(skb, &tuple))
		return TC_ACT_SHOT;
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return TC_ACT_SHOT;
	int failed = bpf_skb_adjust_room(skb, -OUTER, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
	bpf_sk_release(sk);
	return failed ? TC_ACT_SHOT : TC_ACT_OK;
}

/* A SYN needs this: it has no connection, and a listener. */
SEC("tc")
int assign(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	if (tuple_of(skb, &tuple))
		return TC_ACT_SHOT;
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk) {
		struct bpf_sock_tuple listener = { .ipv4.daddr = bpf_htonl(INADDR_LOOPBACK), .ipv4.dport = bpf_htons(LISTENER_PORT) };
		sk = bpf_skc_lookup_tcp(skb, &listener, sizeof(listener.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	if (!sk)
		return TC_ACT_SHOT;
	int failed = bpf_skb_adjust_room(skb, -OUTER, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) || bpf_sk_assign(skb, sk, 0);
	bpf_sk_release(sk);
	return failed ? TC_ACT_SHOT : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
