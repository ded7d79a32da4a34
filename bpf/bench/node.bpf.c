// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* IPv4, UDP, GENEVE with the options of AWS. */
#define OUTER 68

/* A load balancer's node, 10.0.0.1, before the router, 10.0.0.2: puts what goes out to a service, 100.64.0.0/10, into GENEVE. */
SEC("tc")
int encapsulate(struct __sk_buff *skb)
{
	unsigned char outer[OUTER] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, /* IPv4 */
				       0xc3, 0x50, 0x17, 0xc1, 0, 0, 0, 0,                                  /* UDP */
				       8, 0, 8, 0, 0, 0, 0, 0,                                              /* GENEVE */
				       1, 8, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1, 8, 2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 1, 8, 3, 1, 0, 0, 0, 3 };
	struct iphdr inner;
	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, ETH_HLEN, &inner, sizeof(inner)) ||
	    (inner.daddr & bpf_htonl(0xffc00000)) != bpf_htonl(0x64400000))
		return TC_ACT_OK;
	__u16 length = skb->len - ETH_HLEN + OUTER;
	outer[2] = length >> 8;
	outer[3] = length;
	outer[24] = (length - 20) >> 8;
	outer[25] = length - 20;
	__u32 sum = 0;
	for (int i = 0; i < 20; i += 2)
		sum += outer[i] << 8 | outer[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	outer[10] = sum >> 8;
	outer[11] = sum;
	/* TCP is cut into segments only behind us: said so, each of them gets the header, and lengths of its own. */
	__u64 flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	if (inner.protocol == IPPROTO_UDP)
		flags |= BPF_F_ADJ_ROOM_FIXED_GSO;
	if (bpf_skb_adjust_room(skb, OUTER, BPF_ADJ_ROOM_MAC, flags) || bpf_skb_store_bytes(skb, ETH_HLEN, outer, OUTER, 0))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
