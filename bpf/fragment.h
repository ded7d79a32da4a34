/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Inner IPv4 UDP in fragments. The kernel's own reassembly would lose the listener: a socket assigned to a fragment does not
 * survive it, and without one the datagram goes to whoever is bound to its destination. So it is put together here, within
 * bounds, and then is a packet like any other. A load balancer's inner packet has 8,500 bytes at most, so what a client sends
 * beyond that, up to 15,992 bytes of data, comes this way. OpenZiti's router reads 10,240 at a time: its services get the rest of a
 * longer datagram as another one.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"
#include "common.h"
#include "decap.h"
#include "maps.h"
#include "packet.h"
#include "parse.h"
#include "reasons.h"

/* Fragments of one datagram are sent back to back: after so long, the same id is another datagram's. */
#define DATAGRAM_LIFETIME 1000000000ull

/* Above DATAGRAM_MAX, and half of the room. */
#define OFFSET_MASK (DATAGRAM_ROOM / 2 - 1)

/* Which datagrams meet in a place is nobody's to choose: each step multiplies what those before it, from the secret on, have mixed. */
static __always_inline struct datagram *datagram_place(const struct datagram_key *key)
{
	__u64 factor = 0x9e3779b97f4a7c15; /* 2^64 over the golden ratio */
	__u64 hash = (key->endpoint ^ settings.secret * factor) * factor;
	hash = (hash ^ hash >> 32 ^ ((__u64)key->saddr << 32 | key->daddr)) * factor;
	hash = (hash ^ hash >> 32 ^ key->id) * factor;
	__u32 place = (hash >> 32) * DATAGRAMS >> 32;
	return bpf_map_lookup_elem(&datagrams, &place);
}

static __always_inline int same_datagram(const struct datagram_key *a, const struct datagram_key *b)
{
	return a->endpoint == b->endpoint && a->saddr == b->saddr && a->daddr == b->daddr && a->id == b->id && a->taken == b->taken;
}

#define DUPLICATE -3 /* counted as its original was, and nothing of it copied */

/*
 * Notes a fragment in its place, which then waits for the bytes. FRAGMENT_HELD, FRAGMENT_EVICTED if another datagram had the
 * place, DUPLICATE if one from the same byte to the same byte is there, as networks make them (RFC 791 and 8200 allow it), or
 * why it cannot be: no other overlap is an accident (RFC 5722). Only a first fragment, which is sent first, takes the place of
 * another datagram that may yet become whole: or two that meet there would throw each other out, and neither arrive.
 */
static __always_inline int note_fragment(struct datagram *datagram, const struct datagram_key *key, struct fragment fragment,
					 int last)
{
	__u64 now = bpf_ktime_get_ns();
	int reason = REASON_FRAGMENT_HELD;

	bpf_spin_lock(&datagram->lock);
	int same = same_datagram(&datagram->key, key);
	int alive = datagram->key.taken && now - datagram->started < DATAGRAM_LIFETIME;
	if (!same || !alive) {
		if (datagram->writers || (alive && fragment.start)) {
			reason = REASON_FRAGMENT_NO_PLACE;
			goto out;
		}
		if (alive)
			reason = REASON_FRAGMENT_EVICTED;
		datagram->key = *key;
		datagram->started = now;
		datagram->received = datagram->total = datagram->reach = datagram->fragment_count = 0;
	}
	__u32 count = datagram->fragment_count;
	/* Negative for one that is there and has this start and end; no branch, here and below, for the verifier's sake. */
	__s32 duplicate = 0;
	for (__u32 i = 0; i < DATAGRAM_FRAGMENTS; i++)
		duplicate |= (__s32)(i - count) & (((datagram->fragments[i].start ^ fragment.start) |
						    (datagram->fragments[i].end ^ fragment.end)) - 1);
	if (duplicate < 0 && last == (datagram->total == fragment.end)) {
		reason = DUPLICATE;
		goto out;
	}
	/* Nothing may lie behind the end, wherever in the order of things that became known: there would be a gap before it. */
	if ((datagram->total && fragment.end > datagram->total) || (last && fragment.end < datagram->reach))
		count = DATAGRAM_FRAGMENTS;
	/* Negative for one that is there, ends behind the start and starts before the end. */
	__s32 overlap = 0;
	for (__u32 i = 0; i < DATAGRAM_FRAGMENTS; i++)
		overlap |= (__s32)(i - count) & (fragment.start - datagram->fragments[i].end) &
			   (datagram->fragments[i].start - fragment.end);
	if (count >= DATAGRAM_FRAGMENTS || overlap < 0) {
		reason = REASON_FRAGMENT_INVALID;
		goto out;
	}
	datagram->fragments[bounded(count, DATAGRAM_FRAGMENTS - 1)] = fragment;
	datagram->fragment_count = count + 1;
	if (fragment.end > datagram->reach)
		datagram->reach = fragment.end;
	if (last)
		datagram->total = fragment.end;
	datagram->writers++;
out:
	bpf_spin_unlock(&datagram->lock);
	return reason;
}

/* The bytes are there. The length of the datagram if this made it whole (it is the caller's then, until let go), else 0. */
static __always_inline __u32 complete(struct datagram *datagram, struct fragment fragment)
{
	__u32 total = 0;
	bpf_spin_lock(&datagram->lock);
	datagram->received += fragment.end - fragment.start;
	if (datagram->received == datagram->total && datagram->writers == 1)
		total = datagram->total;
	else
		datagram->writers--;
	bpf_spin_unlock(&datagram->lock);
	return total;
}

static __always_inline void let_go(struct datagram *datagram)
{
	bpf_spin_lock(&datagram->lock);
	datagram->writers = 0;
	datagram->key.taken = 0;
	bpf_spin_unlock(&datagram->lock);
}

/* Makes the packet, already without its outer headers, the whole datagram. */
static __always_inline int expand(struct __sk_buff *skb, struct datagram *datagram, __u32 total)
{
	struct iphdr ip;
	if (total < sizeof(struct udphdr) || total > DATAGRAM_MAX ||
	    bpf_skb_change_tail(skb, ETH_HLEN + sizeof(ip) + total, 0) || bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return -1;
	ip.tot_len = bpf_htons(sizeof(ip) + total);
	ip.frag_off = 0;
	ip.check = 0;
	ip.check = ~fold(header_sum(&ip));
	return bpf_skb_store_bytes(skb, ETH_HLEN, &ip, sizeof(ip), 0) ||
	       bpf_skb_store_bytes(skb, ETH_HLEN + sizeof(ip), datagram->bytes, bounded_size(total, OFFSET_MASK), 0);
}

/* CONTINUE once the packet is the whole datagram and `packet` tells of it; else what became of the fragment. */
static __noinline int reassemble(struct __sk_buff *skb, struct packet *packet)
{
	struct datagram_key key = { .endpoint = packet->from.endpoint,
				    .saddr = packet->saddr.words[0],
				    .daddr = packet->daddr.words[0],
				    .id = packet->fragment_id,
				    .taken = 1 };
	__u32 start = (packet->fragment & IP_OFFSET) * 8, size = packet->segment;
	int last = !(packet->fragment & IP_MORE_FRAGMENTS);

	if (start + size > DATAGRAM_MAX)
		return REASON_FRAGMENT_TOO_LARGE;
	if (!size || (!last && size % 8) || (!start && size < sizeof(struct udphdr)))
		return REASON_FRAGMENT_INVALID;
	struct datagram *datagram = datagram_place(&key);
	if (!datagram)
		return REASON_FRAGMENT_INVALID;

	struct fragment fragment = { start, start + size };
	int reason = note_fragment(datagram, &key, fragment, last);
	if (reason == DUPLICATE)
		return REASON_FRAGMENT_HELD;
	if (reason != REASON_FRAGMENT_HELD && reason != REASON_FRAGMENT_EVICTED)
		return reason;
	bpf_skb_load_bytes(skb, ETH_HLEN + packet->outer + sizeof(struct iphdr), datagram->bytes + bounded(start, OFFSET_MASK),
			   bounded_size(size, OFFSET_MASK));
	__u32 total = complete(datagram, fragment);
	if (!total)
		return reason;

	reason = CONTINUE;
	if (strip(skb, packet) || expand(skb, datagram, total))
		reason = REASON_STRIP_FAILED;
	struct udphdr *udp = (struct udphdr *)datagram->bytes;
	packet->outer = 0;
	packet->sport = udp->source;
	packet->dport = udp->dest;
	let_go(datagram);
	return reason;
}
