/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The generator and its programs in the kernel share this. */
#pragma once

#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>

#define STREAMS_MAX 64
#define FIRST_PORT 20000 /* of the streams, at the client */
#define PORT 5203	 /* where they go to */
#define HEADERS_MAX 128	 /* of Ethernet, the outer ones, IPv4 and TCP; what is behind is payload, which is all 0 */

struct stream {
	__u32 next;  /* number to send next */
	__u32 acked; /* what the receiver has */
	__u32 edge;  /* first number beyond its window */
	__u32 heard; /* what it counts from, and 1: known once it has answered */
	__u32 ip_sum;
	__u32 tcp_sum; /* of the headers but what changes, and of the payload, not folded */
	__u16 id;
	__u8 scale;
	__u8 state;
	__u32 again; /* how often it went back to what was acknowledged */
	__u64 moved; /* when the receiver last acknowledged something, in nanoseconds of the monotonic clock */
	__u8 headers[HEADERS_MAX];
};
enum { UNHEARD, ANSWERED, REFUSED };

struct wire {
	__u32 ifindex;
	__u32 inner; /* where the IPv4 header is */
	__u32 payload;
	__u32 count;
	__u32 current; /* the stream that sends */
	__u32 left;    /* frames of its turn */
	__u64 sent;
	struct stream streams[STREAMS_MAX];
};
#define TURN_BYTES 65536 /* what a stream sends in a row, as a sender with segmentation offload does */
#define PATIENCE 50000000ll /* nanoseconds without an acknowledgement, after which a stream goes back */

#define INLINE static inline __attribute__((always_inline))

INLINE __u16 folded(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

INLINE int may_send(const struct wire *wire, const struct stream *stream)
{
	return stream->state == ANSWERED && (__s32)(stream->edge - stream->next - wire->payload) >= 0;
}

/* Streams take turns. A frame that the receiver has no room for is not sent: then nobody sends for now. */
INLINE struct stream *next_stream(struct wire *wire, __u64 (*now)(void))
{
	struct stream *stream = &wire->streams[wire->current & (STREAMS_MAX - 1)];
	if (wire->left && may_send(wire, stream))
		return stream;
	wire->current = wire->current + 1 < wire->count ? wire->current + 1 : 0;
	wire->left = TURN_BYTES / (wire->payload ?: 1);
	stream = &wire->streams[wire->current & (STREAMS_MAX - 1)];
	if (may_send(wire, stream))
		return stream;
	/* The other processor's clock may be ahead. */
	if (stream->state == ANSWERED && stream->next != stream->acked && (__s64)(now() - stream->moved) > PATIENCE) {
		stream->next = stream->acked;
		stream->moved = now();
		stream->again++;
	}
	return 0;
}

/* All headers are written anew, as the receiver may have written into those of the packet that was sent from here before. */
INLINE void write_next(struct wire *wire, struct stream *stream, void *frame, struct iphdr *ip, struct tcphdr *tcp)
{
	__builtin_memcpy(frame, stream->headers, HEADERS_MAX);
	ip->id = bpf_htons(stream->id++);
	ip->check = folded(stream->ip_sum + ip->id);
	tcp->seq = bpf_htonl(stream->next);
	tcp->check = folded(stream->tcp_sum + (tcp->seq & 0xffff) + (tcp->seq >> 16));
	stream->next += wire->payload;
	wire->left--;
	wire->sent++;
}
