/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel side and the command share: the layout of every map. */
#pragma once

#include <linux/bpf.h>
#ifdef __bpf__
#include <linux/in.h>
#else
#include <netinet/in.h> /* which the other one may not be beside */
#endif

#include "reasons.h"

/* Room for reasons yet to come, so that a newer version can take over the counters of an older one. */
#define COUNTERS 64

/*
 * Services are found in three steps, each with as many look-ups for 10,000 of them as for one:
 *   destination  a hash of prefixes, asked for every prefix length in use, the longest first;
 *   source       if any service of this destination names a source or an interface, the same for its sources;
 *   port         a binary search tree of disjoint port segments, its root beside the prefix.
 * What has no segment for the packet's port falls back to the next shorter prefix. So the winner has, in this order, the
 * longest destination prefix, its own interface, the longest source prefix, the narrowest port range, the newest claim.
 *
 * What a prefix's value refers to is never changed but replaced. A change builds new nodes and then writes the value: a
 * packet sees the services of before or those of after, and so does whoever comes after a command that was killed half way.
 */
struct address {
	union {
		__u8 bytes[16]; /* IPv4 in the first four */
		__u32 words[4];
		__u64 halves[2];
	};
};

struct destination_key {
	struct address address; /* without bits beyond the length */
	__u64 kind;
};
/* Of the family (4 or 6), the protocol (IPPROTO_TCP or IPPROTO_UDP) and the length: 0 in a destination that never was. */
#define DESTINATION_KIND(family, protocol, length) ((__u64)(family) << 16 | (protocol) << 8 | (length))
#define KIND_FAMILY(kind) ((kind) >> 16)
#define KIND_PROTOCOL(kind) ((kind) >> 8 & 0xff)
#define KIND_LENGTH(kind) ((kind) & 0xff)

struct source_key {
	struct address address;
	__u32 set;     /* of the destination */
	__u32 ifindex; /* 0: any interface */
	__u8 length;
	__u8 zero[7];
};

/* Prefix lengths: bit n stands for the one n shorter than a whole address, so that the longest is found first. */
#define LENGTH_WORDS 3
struct lengths {
	__u64 words[LENGTH_WORDS];
};
#define ADDRESS_BITS(family) ((family) == 4 ? 32 : 128)

/* Packets to ports from `low` to `high`. `port` 0 means the socket bound to the destination itself. */
struct segment {
	__u16 low;
	__u16 high;
	__u16 port; /* of the transparent listener on the loopback address */
	__u16 zero;
};

/*
 * The services of one destination prefix for any source on any interface, or of one source prefix of it. Their segments are
 * a search tree laid out as a heap: below node i are 2i + 1 and 2i + 2. Node 0 is the root; the others have the keys
 * first_segment + i.
 */
struct group {
	struct segment root;
	__u32 set; /* key of a destination's sources, 0 while no service of it names a source or an interface */
	__u32 first_segment;
	__u32 segment_count;
	__u32 claims; /* key of the newest, 0 for none */
};

/*
 * Destinations have numbers, and are found by a hash table with open addressing: small, because with many services each look
 * into memory that the processor's caches do not hold costs more than everything else. A place holds a number and 16 bits of
 * the key's hash; 0 ends a search, and DELETED, with the number 0 that no destination has, does not.
 *
 * What a place refers to is never changed: a change of a destination writes another, and then the place. A number that no
 * place refers to is free, and given again after all other free ones, when packets on their way to it are long through.
 */
struct destination {
	struct destination_key key;
	struct group group;
};
#define MAX_DESTINATIONS 32768
#define NUMBERS (MAX_DESTINATIONS + 1024) /* with 0; and some are always free */
#define PLACES 65536
#define PLACE(hash, number) ((hash) << 16 | (number))
#define PLACE_NUMBER(place) ((place) & 0xffff)
#define DELETED PLACE(1, 0)
#define FIRST_PLACE(hash) ((hash) >> 16)
#define LONGEST_SEARCH 128 /* places */

static inline __attribute__((always_inline)) __u32 destination_hash(const struct destination_key *key)
{
	__u64 factor = 0x9e3779b97f4a7c15; /* 2^64 over the golden ratio */
	__u64 hash = key->address.halves[0] + key->kind * factor;
	return ((hash ^ hash >> 32 ^ key->address.halves[1]) * factor) >> 32;
}

static inline __attribute__((always_inline)) int same_destination(const struct destination_key *a, const struct destination_key *b)
{
	return a->address.halves[0] == b->address.halves[0] && a->address.halves[1] == b->address.halves[1] && a->kind == b->kind;
}

#define TRANSPORTS 4 /* TCP and UDP, over IPv4 and IPv6 */
#define TRANSPORT(family, protocol) (((family) == 6) * 2 + ((protocol) == IPPROTO_UDP))
#define LENGTHS_MAX 129
struct destination_index {
	struct lengths lengths[TRANSPORTS];
	__u32 counts[TRANSPORTS][LENGTHS_MAX]; /* of prefixes, by bit: never less than there are, even after a command was killed */
	__u32 places[PLACES];
};

/* The sources of one destination. */
struct set {
	struct lengths lengths; /* in use, or once in use: they go with the set */
	__u32 groups;           /* never less than there are, even after a command was killed */
	__u32 zero;
};

/* One -I: a list from the newest to the oldest for each group; the kernel side never reads it. */
#define SERVICE_ID_MAX 48
struct claim {
	__u16 low;
	__u16 high;
	__u16 port;
	__u16 zero;
	__u32 next;
	char service[SERVICE_ID_MAX];
};

/* How one interface diverts: constants of the program loaded for it, so a change of them is a change of program. */
#define MAX_FROM 32
#define MAX_PLAIN 4
#define MAX_ADDRESSES 32
struct prefix4 {
	__u32 address; /* network byte order, as is the mask */
	__u32 mask;
};
struct settings {
	__u32 ifindex;
	__u32 reply; /* enum reply */
	__u32 from_count;
	__u32 interface_count; /* the first so many addresses are this interface's, the others those of the router's others */
	__u32 address_count;
	__u32 address6_count;
	__u32 plain_count;
	__u32 secret; /* the same for every interface */
	struct prefix4 from[MAX_FROM];
	struct prefix4 plain[MAX_PLAIN]; /* destinations of what is routed straight to this interface, without GENEVE */
	__u32 address[MAX_ADDRESSES];
	struct address address6[MAX_ADDRESSES];
};
enum reply { REPLY_DIRECT, REPLY_GENEVE };

/* What is attached, for the command alone. */
struct attachment {
	struct settings settings;
	__u32 made_qdisc; /* the clsact qdisc is ours to remove */
	__u32 ingress;	  /* ids of the programs */
	__u32 egress;
};

/* Keys of `state`, for the command alone. */
enum state { STATE_NEXT_KEY, STATE_STALE_FIRST, STATE_STALE_COUNT, STATE_LAST_DESTINATION, STATE_COUNT };

/* Of the router's calls, for the command alone. */
struct calls {
	__u64 added; /* when the last -I was, in milliseconds of the monotonic clock */
	__u32 flushes;
	__u32 refused;	   /* so many -I since the last flush */
	char refusal[496]; /* what the last of them was told */
};

/*
 * IPv4 addresses that no packet can come from, as the kernel would drop it: the router's own, of its interfaces and of what it
 * answers for on the loopback, and what is no host's. Ranges in order, none of which touches the next; a change writes the
 * list that is not in use, and then that it is. What there is no room for is as if nobody had looked.
 */
#define LOCAL_RANGES 32768
#define LOCAL_RANGES_BITS 15
#define NEAR_WORDS (1 << 18)
#define NEAR_WORD(address) ((address) >> 14)
#define NEAR_BIT(address) (1ull << ((address) >> 8 & 63))
struct range {
	__u32 low; /* of this machine's byte order, as is the other */
	__u32 high;
};
struct locals {
	__u64 near[NEAR_WORDS]; /* a bit for each /24: whether any of its addresses is in a range, which spares most packets the search */
	__u64 read;		/* when all were last read, in milliseconds of the monotonic clock */
	__u32 list;		/* the one in use */
	__u32 counts[2];
	__u32 zero;
	struct range ranges[2][LOCAL_RANGES];
};

/* A connection that was found, and when: in a place of each processor that its hash says, until another takes it. */
#define RECENT_BITS 10
struct recent {
	__u32 saddr;
	__u32 daddr;
	__u32 ports;
	__u32 tick; /* of the kernel's clock */
};

/*
 * A datagram whose fragments are still arriving: its payload, the UDP header included, where it belongs. There are DATAGRAMS
 * at a time, each in the place its addresses and id hash to with the secret, and a newer one's first takes the place of an
 * older one.
 */
#define DATAGRAMS 32
#define DATAGRAM_MAX 16000     /* what the kernel lets a packet grow to (16,064), without its headers; longer ones are refused */
#define DATAGRAM_ROOM 0x8000   /* twice what an offset below 0x4000 can say, so that the kernel sees any fragment fit */
#define DATAGRAM_FRAGMENTS 16
struct datagram_key {
	__u64 endpoint; /* of the load balancer: clients behind different ones may have the same address */
	__u32 saddr;
	__u32 daddr;
	__u32 id;
	__u32 taken; /* 1; 0 in a place nobody has */
};
struct fragment {
	__u16 start;
	__u16 end;
};
struct datagram {
	struct bpf_spin_lock lock; /* guards all but the bytes */
	__u32 writers;             /* packets copying to or from the bytes: the place is not given away meanwhile */
	struct datagram_key key;
	__u64 started; /* nanoseconds */
	__u32 received;
	__u32 total; /* 0 until the last fragment is there */
	__u32 reach; /* the furthest end */
	__u32 fragment_count;
	struct fragment fragments[DATAGRAM_FRAGMENTS];
	__u8 bytes[DATAGRAM_ROOM];
};

/*
 * Where a client's packets come from, and so where the replies to them go: kept with --reply geneve only. Those of a listener for
 * UDP, with no address and its own port for the service's, say of each of its clients where that one is.
 */
#define FLOWS 131072
struct flow_key {
	struct address client;
	struct address service;
	__u16 client_port; /* network byte order, as all of these */
	__u16 service_port;
	__u8 protocol;
	__u8 family; /* 4 or 6 */
	__u8 zero[2];
};
struct flow {
	union {
		__u64 option[4]; /* by type; there is no type 0 */
		struct {
			__u64 seen; /* nanoseconds */
			__u64 endpoint;
			__u64 attachment;
			__u32 cookie;
			__u32 behind_cookie; /* not ours */
		};
	};
	__u32 node;   /* the load balancer's address */
	__u32 router; /* ours, that it sent to */
	__u16 port;   /* it sent from */
	__u16 zero[3];
};

/* Only the first fragment of a reply names its ports: the others find its flow by this. */
#define REPLY_FRAGMENTS 1024
struct reply_fragment_key {
	__u32 saddr;
	__u32 daddr;
	__u32 id;
};
