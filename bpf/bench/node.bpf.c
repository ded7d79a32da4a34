// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IPV4_AND_UDP 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0xc3, 0x50, 0x17, 0xc1, 0, 0, 0, 0

/*
 * A packet is put behind these headers as hardware would: nothing of it is known to the kernel, which merges no packet that it
 * has itself put into a tunnel. So it must have been cut to its size before.
 */
static __always_inline int put(struct __sk_buff *skb, unsigned char *outer, __u32 size)
{
	__u16 length = skb->len - ETH_HLEN + size;
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
	if (skb->gso_size || bpf_skb_adjust_room(skb, size, BPF_ADJ_ROOM_MAC, 0) || bpf_skb_store_bytes(skb, ETH_HLEN, outer, size, 0))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

static __always_inline int is_for_service(struct __sk_buff *skb)
{
	struct iphdr inner;
	return skb->protocol == bpf_htons(ETH_P_IP) && !bpf_skb_load_bytes(skb, ETH_HLEN, &inner, sizeof(inner)) &&
	       (inner.daddr & bpf_htonl(0xffc00000)) == bpf_htonl(0x64400000);
}

/* A load balancer's node, 10.0.0.1, before the router, 10.0.0.2: puts what goes out to a service, 100.64.0.0/10, into GENEVE. */
SEC("geneve")
int encapsulate(struct __sk_buff *skb)
{
	unsigned char outer[] = { IPV4_AND_UDP, 8, 0, 8, 0, 0, 0, 0, 0,
				  /* the options of AWS */
				  1, 8, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1, 8, 2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 1, 8, 3, 1, 0, 0, 0, 3 };
	return is_for_service(skb) ? put(skb, outer, sizeof(outer)) : TC_ACT_OK;
}

/* The node does the same with the stand-in for GENEVE. */
SEC("gpe")
int encapsulate_gpe(struct __sk_buff *skb)
{
	unsigned char outer[] = { IPV4_AND_UDP, 0x0c, 0, 0, 1, 0, 0, 0, 0 };
	return is_for_service(skb) ? put(skb, outer, sizeof(outer)) : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
