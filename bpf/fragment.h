/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Inner IPv4 UDP fragments are put together here, within bounds, and then are a packet like any other. The kernel's own
 * reassembly would lose the listener: a socket assigned to a fragment does not survive it, and without one the datagram goes to
 * whoever is bound to its destination. A load balancer's inner packet has 8,500 bytes at most, so what a client sends beyond
 * that, up to 15,992 bytes of data, comes this way. OpenZiti's router reads 10,240 at a time: its services get the rest of a
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
#include "verdicts.h"

/* A datagram's fragments are sent back to back: after so many nanoseconds, the same id is another datagram's. */
#define DATAGRAM_LIFETIME 1000000000ull

/* The mask is above DATAGRAM_MAX, and half of the room. */
#define OFFSET_MASK (DATAGRAM_ROOM / 2 - 1)

/* Nobody can choose which datagrams meet in a slot: each step multiplies what those before it, from the secret on, have mixed. */
static __always_inline struct datagram *datagram_slot(const struct datagram_key *key)
{
	__u64 factor = 0x9e3779b97f4a7c15; /* 2^64 over the golden ratio */
	__u64 hash = (key->endpoint ^ settings.secret * factor) * factor;
	hash = (hash ^ hash >> 32 ^ ((__u64)key->saddr << 32 | key->daddr)) * factor;
	hash = (hash ^ hash >> 32 ^ key->id) * factor;
	__u32 slot = (hash >> 32) * DATAGRAMS >> 32;
	return bpf_map_lookup_elem(&datagrams, &slot);
}

static __always_inline int same_datagram(const struct datagram_key *a, const struct datagram_key *b)
{
	return a->endpoint == b->endpoint && a->saddr == b->saddr && a->daddr == b->daddr && a->id == b->id && a->taken == b->taken;
}

#define DUPLICATE -3 /* of note_fragment alone: counted as its original was, and nothing of it copied */

/*
 * A datagram's slot notes a fragment, and then waits for the bytes. Returns VERDICT_FRAGMENT_HELD, VERDICT_FRAGMENT_EVICTED if
 * another datagram had the slot, DUPLICATE if one from the same byte to the same byte is there, as networks make them (RFC 791
 * and 8200 allow it), or why it cannot be: no other overlap is an accident (RFC 5722). Only a first fragment, which is sent
 * first, takes the slot of another datagram that may yet become whole: or two that meet there would throw each other out, and
 * neither arrive.
 */
static __always_inline int note_fragment(struct datagram *datagram, const struct datagram_key *key, struct fragment fragment,
					 int last)
{
	__u64 now = bpf_ktime_get_ns();
	int verdict = VERDICT_FRAGMENT_HELD;

	bpf_spin_lock(&datagram->lock);
	int same = same_datagram(&datagram->key, key);
	int alive = datagram->key.taken && now - datagram->started < DATAGRAM_LIFETIME;
	if (!same || !alive) {
		if (datagram->writers || (alive && fragment.start)) {
			verdict = VERDICT_FRAGMENT_NO_PLACE;
			goto out;
		}
		if (alive)
			verdict = VERDICT_FRAGMENT_EVICTED;
		datagram->key = *key;
		datagram->started = now;
		datagram->received = datagram->total = datagram->reach = datagram->fragment_count = 0;
	}
	__u32 count = datagram->fragment_count;
	/* `duplicate` is negative if a fragment with this start and end is there. No branch, which would be verified both ways. */
	__s32 duplicate = 0;
	for (__u32 i = 0; i < DATAGRAM_FRAGMENTS; i++)
		duplicate |= (__s32)(i - count) & (((datagram->fragments[i].start ^ fragment.start) |
						    (datagram->fragments[i].end ^ fragment.end)) - 1);
	if (duplicate < 0 && last == (datagram->total == fragment.end)) {
		verdict = DUPLICATE;
		goto out;
	}
	/* No fragment may lie behind the end, whichever came first: there would be a gap before it. */
	if ((datagram->total && fragment.end > datagram->total) || (last && fragment.end < datagram->reach))
		count = DATAGRAM_FRAGMENTS;
	/* `overlap` is negative if a fragment is there that ends behind the start and starts before the end. */
	__s32 overlap = 0;
	for (__u32 i = 0; i < DATAGRAM_FRAGMENTS; i++)
		overlap |= (__s32)(i - count) & (fragment.start - datagram->fragments[i].end) &
			   (datagram->fragments[i].start - fragment.end);
	if (count >= DATAGRAM_FRAGMENTS || overlap < 0) {
		verdict = VERDICT_FRAGMENT_INVALID;
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
	return verdict;
}

/* A fragment's bytes are there. Returns the length of a datagram that is whole now, which is the caller's until released, or 0. */
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

static __always_inline void release(struct datagram *datagram)
{
	bpf_spin_lock(&datagram->lock);
	datagram->writers = 0;
	datagram->key.taken = 0;
	bpf_spin_unlock(&datagram->lock);
}

/* The packet, without its outer headers, becomes the whole datagram. Returns 0, or another number if the kernel refuses. */
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

/* Returns CONTINUE once the packet is the whole datagram, with `packet` filled in; else the verdict on the fragment. */
static __noinline int reassemble(struct __sk_buff *skb, struct packet *packet)
{
	struct datagram_key key = { .endpoint = packet->from.endpoint,
				    .saddr = packet->saddr.words[0],
				    .daddr = packet->daddr.words[0],
				    .id = packet->fragment_id,
				    .taken = 1 };
	__u32 start = (packet->fragment & IP_OFFSET) * 8, size = packet->transport_length;
	int last = !(packet->fragment & IP_MORE_FRAGMENTS);

	if (start + size > DATAGRAM_MAX)
		return VERDICT_FRAGMENT_TOO_LARGE;
	if (!size || (!last && size % 8) || (!start && size < sizeof(struct udphdr)))
		return VERDICT_FRAGMENT_INVALID;
	struct datagram *datagram = datagram_slot(&key);
	if (!datagram)
		return VERDICT_FRAGMENT_INVALID;

	struct fragment fragment = { start, start + size };
	int verdict = note_fragment(datagram, &key, fragment, last);
	if (verdict == DUPLICATE)
		return VERDICT_FRAGMENT_HELD;
	if (verdict != VERDICT_FRAGMENT_HELD && verdict != VERDICT_FRAGMENT_EVICTED)
		return verdict;
	bpf_skb_load_bytes(skb, ETH_HLEN + packet->outer + sizeof(struct iphdr), datagram->bytes + bounded(start, OFFSET_MASK),
			   bounded_size(size, OFFSET_MASK));
	__u32 total = complete(datagram, fragment);
	if (!total)
		return verdict;

	verdict = decap(skb, packet);
	if (verdict == CONTINUE && expand(skb, datagram, total))
		verdict = VERDICT_STRIP_FAILED;
	struct udphdr *udp = (struct udphdr *)datagram->bytes;
	packet->outer = 0;
	packet->sport = udp->source;
	packet->dport = udp->dest;
	release(datagram);
	return verdict;
}
