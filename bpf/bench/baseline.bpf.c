// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the diverter is measured against: the cost of running any program, of the bare strip, and of finding a connection as
 * well, none of them with any check but those that the kernel insists on.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_helpers.h>

/* IPv4, UDP, GENEVE with the options of AWS. */
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

SEC("tc")
int find(struct __sk_buff *skb)
{
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN + OUTER;
	struct tcphdr *tcp = (void *)(ip + 1);
	if ((void *)(tcp + 1) > (void *)(long)skb->data_end)
		return TC_ACT_SHOT;
	struct bpf_sock_tuple tuple = { .ipv4 = { ip->saddr, ip->daddr, tcp->source, tcp->dest } };
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return TC_ACT_SHOT;
	int failed = bpf_skb_adjust_room(skb, -OUTER, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
	bpf_sk_release(sk);
	return failed ? TC_ACT_SHOT : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
