// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* wire.c has two programs here: one makes a frame the next of a stream, one reads what the receiver acknowledges. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "wire.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire);
} wires SEC(".maps");

static __always_inline struct wire *the_wire(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&wires, &zero);
}

/* A frame as it is given goes out. */
SEC("xdp")
int send_as_is(struct xdp_md *ctx __attribute__((unused)))
{
	struct wire *wire = the_wire();
	return wire ? bpf_redirect(wire->ifindex, 0) : XDP_ABORTED;
}

SEC("xdp")
int send_next(struct xdp_md *ctx)
{
	struct wire *wire = the_wire();
	struct stream *stream = wire ? next_stream(wire, (void *)bpf_ktime_get_ns) : NULL;
	if (!stream)
		return XDP_DROP;
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + (wire->inner & (HEADERS_MAX - 1));
	struct tcphdr *tcp = (void *)(ip + 1);
	if (data + HEADERS_MAX > end || (void *)(tcp + 1) > end)
		return XDP_ABORTED;
	write_next(wire, stream, data, ip, tcp);
	return bpf_redirect(wire->ifindex, 0);
}

/* The receiver's acknowledgements never get further. */
SEC("tc")
int hear(struct __sk_buff *skb)
{
	struct wire *wire = the_wire();
	void *end = (void *)(long)skb->data_end;
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);
	if (!wire || skb->protocol != bpf_htons(ETH_P_IP) || (void *)(tcp + 1) > end || ip->ihl != 5 || ip->protocol != IPPROTO_TCP ||
	    tcp->source != bpf_htons(PORT))
		return TC_ACT_UNSPEC;
	__u32 index = bpf_ntohs(tcp->dest) - FIRST_PORT;
	if (index >= STREAMS_MAX)
		return TC_ACT_UNSPEC;
	struct stream *stream = &wire->streams[index];
	__u32 acked = bpf_ntohl(tcp->ack_seq), edge = acked + bpf_ntohs(tcp->window);
	if (tcp->rst) {
		stream->state = REFUSED;
	} else if (tcp->syn) {
		/* Linux says its segment size, and then, after a byte that says nothing, the scale of its windows. */
		__u8 *options = (void *)(tcp + 1);
		stream->heard = bpf_ntohl(tcp->seq) + 1;
		stream->scale = (void *)(options + 8) <= end && options[5] == 3 ? options[7] & 15 : 0;
		stream->edge = edge;
		stream->moved = bpf_ktime_get_ns();
		stream->state = ANSWERED;
	} else {
		edge = acked + ((__u32)bpf_ntohs(tcp->window) << (stream->scale & 15));
		if ((__s32)(edge - stream->edge) > 0)
			stream->edge = edge;
		if ((__s32)(acked - stream->acked) > 0) {
			stream->acked = acked;
			stream->moved = bpf_ktime_get_ns();
		}
	}
	return TC_ACT_SHOT;
}

/* With a program a veth is polled as a card is, also where it does not merge. */
SEC("xdp.frags")
int receive(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
