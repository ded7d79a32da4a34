/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Validation leaves a packet so, and judges these parts of IP headers. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "common.h"

#define IP_MORE_FRAGMENTS 0x2000
#define IP_OFFSET 0x1fff

#define IPV4_VERSION 4
#define IPV6_VERSION 6
#define IPV4_WORDS 5 /* of 32 bits: a header without options */

/* The kernel knows how many packets it has merged into this one, or will cut it into, until the headers are off. */
static __always_inline __u32 segments_of(const struct __sk_buff *skb)
{
	return skb->gso_segs ? skb->gso_segs : 1;
}

/* A packet that is right in every field has here what delivery needs. No gaps: the verifier wants all of an argument written. */
struct packet {
	struct flow from; /* 0 for a packet without GENEVE */
	struct address saddr;
	struct address daddr;
	__u32 outer;		/* bytes from the Ethernet header to the inner packet */
	__u32 transport_length; /* bytes behind the inner IP header */
	union {
		struct {
			__be16 sport;
			__be16 dport;
		};
		__be32 ports;
	};
	__u16 fragment;		/* flag and offset of the inner IPv4 header, 0 for a whole packet */
	__be16 fragment_id;
	__u8 family;		/* 4 or 6 */
	__u8 address_bits;	/* 32 or 128 */
	__u8 protocol;
	__u8 opens;		/* TCP: SYN without ACK */
	__u16 merged;		/* packets that the kernel has merged into this one */
	__u16 aggregate;	/* bytes of each of them, 0 for a packet as it arrived */
	__be32 reporter;	/* sender of an ICMP error: all but the lengths is then of the connection that it quotes */
	__u32 detour;		/* the stack gets it by the device that answers leave by */
};
