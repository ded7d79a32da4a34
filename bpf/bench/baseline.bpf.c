// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the diverter is measured against: the cost of running any program, and of the bare strip. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
