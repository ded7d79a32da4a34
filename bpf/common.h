/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs in the kernel and the command share the layout of every map. docs/maps.md says what others may rely on. */
#pragma once

#include <linux/bpf.h>
#ifdef __bpf__
#include <linux/in.h>
#else
#include <netinet/in.h> /* glibc's, as both cannot be included */
#endif

#include "verdicts.h"

/* Counters have room for verdicts of later versions, which take over the map as it is. */
#define COUNTERS 64
_Static_assert(VERDICTS_KNOWN <= COUNTERS, "a verdict has no counter");

/*
 * The rules of services are looked up in three steps, each with as many look-ups for 10,000 rules as for one:
 *   destination  a hash table of prefixes, asked for every prefix length in use, the longest first;
 *   source       if any rule of this destination names a source or an interface, another one of its source prefixes;
 *   port         a binary search tree of disjoint port ranges, its root beside the prefix.
 * A packet whose port is in no range falls back to the next shorter prefix. So the rule that wins has, in this order, the
 * longest destination prefix, its own interface, the longest source prefix, the narrowest port range, the latest call of -I.
 *
 * A change never writes into what a prefix's value refers to. It builds new nodes and then replaces the value: a packet sees
 * the rules of before or those of after, and so does the next command if this one was killed half way.
 */
struct address {
	union {
		__u8 bytes[16]; /* IPv4: the first four, the others 0 */
		__u32 words[4];
		__u64 halves[2];
	};
};

struct destination_key {
	struct address address; /* without bits beyond the length */
	__u64 kind;		/* DESTINATION_KIND */
};
/* A kind is a family (4 or 6), a protocol (IPPROTO_TCP or IPPROTO_UDP) and a prefix length; 0 is none. */
#define DESTINATION_KIND(family, protocol, length) ((__u64)(family) << 16 | (protocol) << 8 | (length))
#define KIND_FAMILY(kind) ((kind) >> 16)
#define KIND_PROTOCOL(kind) ((kind) >> 8 & 0xff)
#define KIND_LENGTH(kind) ((kind) & 0xff)

struct source_key {
	struct address address;
	__u32 source_set; /* key in `sets`, from the destination's group */
	__u32 ifindex;    /* 0: any interface */
	__u8 length;
	__u8 zero[7];
};

/* A prefix length is in use if its bit is set: bit n for the length n shorter than a whole address, the longest first. */
#define LENGTH_WORDS 3
struct lengths {
	__u64 words[LENGTH_WORDS];
};
#define ADDRESS_BITS(family) ((family) == 4 ? 32 : 128)

/* A port range leads packets to ports from `low` to `high` to one listener. */
struct port_range {
	__u16 low;
	__u16 high;
	__u16 port; /* of the transparent listener on the loopback address; 0: the socket bound to the destination itself */
	__u16 zero;
};

/*
 * A group is all rules of one destination prefix without source and interface, or all of one source prefix of it. Their port
 * ranges are a search tree laid out as a heap: below node i are 2i + 1 and 2i + 2. Node 0 is the root; the others are in
 * `segments` under the keys first_range + i.
 */
struct rule_group {
	struct port_range root;
	__u32 source_set; /* key in `sets`, 0 while no rule of this destination names a source or an interface */
	__u32 first_range;
	__u32 range_count;
	__u32 newest; /* key in `claims` of the latest rule, 0 for none */
};

/*
 * A hash table with open addressing finds destinations by their numbers, which are keys of `destinations`. It is small, because
 * with many rules each look into memory that the processor's caches do not hold costs more than everything else. A slot holds
 * a number and 16 bits of the key's hash; 0 ends a search, and TOMBSTONE, with the number 0 that no destination has, does not.
 *
 * A change of a destination never writes into it. It writes another one, and then the slot. A number that no slot refers to is
 * free. It is given again after all other free ones, when packets on their way to it are long through.
 */
struct destination {
	struct destination_key key;
	struct rule_group group;
};
#define MAX_DESTINATIONS 32768
#define NUMBERS (MAX_DESTINATIONS + 1024) /* 0 among them, and some that are always free */
#define SLOTS 65536
#define SLOT(hash, number) ((hash) << 16 | (number))
#define SLOT_NUMBER(slot) ((slot) & 0xffff)
#define TOMBSTONE SLOT(1, 0)
#define FIRST_SLOT(hash) ((hash) >> 16)
#define LONGEST_SEARCH 128 /* slots */

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
	__u32 counts[TRANSPORTS][LENGTHS_MAX]; /* of prefixes of a length, by its bit: never too few, even after a command was killed */
	__u32 slots[SLOTS];
};

/* A source set is the source prefixes of one destination. */
struct source_set {
	struct lengths lengths; /* in use, or once in use: none is cleared */
	__u32 groups;           /* never too few, even after a command was killed */
	__u32 zero;
};

/* A rule as -I gave it, but for what its group says. Each group has a list of them, the latest first. Programs never read it. */
#define MAX_SERVICES 65536
#define SERVICE_ID_MAX 48
struct rule_node {
	__u16 low;
	__u16 high;
	__u16 port;
	__u16 zero;
	__u32 next;
	char service[SERVICE_ID_MAX];
};

/* Settings of one interface are constants of the program that is loaded for it: to change them is to replace the program. */
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
	__u32 interface_count; /* of the addresses: those first in `address` are this interface's, the others the router's others */
	__u32 address_count;
	__u32 address6_count;
	__u32 plain_count;
	__u32 secret; /* the same for every interface */
	struct prefix4 from[MAX_FROM];
	struct prefix4 plain[MAX_PLAIN]; /* destinations of packets that are routed straight to this interface, without GENEVE */
	__u32 address[MAX_ADDRESSES];
	struct address address6[MAX_ADDRESSES];
};
enum reply {
	REPLY_DIRECT,
	REPLY_GENEVE,
	REPLY_GENEVE_UNCUT, /* the same, where the kernel would lose datagrams that are yet to be cut: they are refused */
};

/*
 * With --reply geneve answers leave by a device of ours, whatever routes and neighbours the router has for the client's address.
 * Packets of clients whose address the router has as a service's come in by it too: on any other the stack drops them as martian.
 */
#define MAX_BROADCASTS (2 * MAX_ADDRESSES)
struct reply_device {
	__u32 ifindex;
	__u8 address[6];
	__u16 takes_all; /* IPv4 packets of all other clients too, as the interface's reverse path filter is strict */
	__u32 broadcast_count;
	__u32 broadcast[MAX_BROADCASTS]; /* addresses of the router's networks that no host has, network byte order */
};

/* An attachment is what the command last attached to an interface. Programs never read it. */
struct attachment {
	struct settings settings;
	__u32 made_qdisc; /* the clsact qdisc is ours to remove */
	__u32 ingress;	  /* ids of the programs */
	__u32 egress;
};

/* `state` has what the command must remember from call to call, under these keys. Programs never read it. */
enum state { STATE_NEXT_KEY, STATE_STALE_FIRST, STATE_STALE_COUNT, STATE_LAST_DESTINATION, STATE_COUNT };

/* ziti-router's calls of the command leave this behind. Programs never read it. */
struct calls {
	__u64 added; /* when the last -I was, in milliseconds of the monotonic clock */
	__u32 flushes;
	__u32 refused;	   /* -I since the last flush */
	char refusal[496]; /* what the last of them was told */
};

/*
 * Linux drops IPv4 packets from some sources as martian: the router's own addresses, those of its interfaces and those that it
 * answers for on the loopback, and those that no host has. They are address ranges in order, none of which touches the next.
 * A change writes the list that is not in use, and then that it is. Ranges beyond LOCAL_RANGES are left out.
 */
#define LOCAL_RANGES 32768
#define LOCAL_RANGES_BITS 15
#define NEAR_WORDS (1 << 18)
#define NEAR_WORD(address) ((address) >> 14)
#define NEAR_BIT(address) (1ull << ((address) >> 8 & 63))
struct address_range {
	__u32 low; /* host byte order, as is the other */
	__u32 high;
};
struct locals {
	__u64 near[NEAR_WORDS]; /* a bit for each /24 that any range is in, which spares most packets the search */
	__u64 read;		/* until when what was last read of the routing table is good, in milliseconds of the monotonic clock */
	__u32 list;		/* the one in use */
	__u32 counts[2];
	__u32 zero;
	struct address_range ranges[2][LOCAL_RANGES];
};

/* A cached connection is one that was found. Each processor keeps it in the slot of its hash, until another takes that. */
#define CONN_CACHE_BITS 10
struct cached_connection {
	__u32 saddr;
	__u32 daddr;
	__u32 ports;
	__u32 tick; /* of the kernel's clock, when it was found */
};

/*
 * A datagram is kept while its fragments arrive: its payload, the UDP header included, where it belongs. There are DATAGRAMS at
 * a time, each in the slot that its addresses and id hash to with the secret. The first fragment of a newer one takes the slot
 * of an older one.
 */
#define DATAGRAMS 32
#define DATAGRAM_MAX 16000     /* a packet can grow to 16,064 bytes in the kernel, headers included; longer datagrams are refused */
#define DATAGRAM_ROOM 0x8000   /* twice the 0x4000 that offsets are masked by, so that the kernel's verifier sees any fragment fit */
#define DATAGRAM_FRAGMENTS 16
struct datagram_key {
	__u64 endpoint; /* of the load balancer: clients behind different ones may have the same address */
	__u32 saddr;
	__u32 daddr;
	__u32 id;
	__u32 taken; /* 1; 0 in a free slot */
};
struct fragment {
	__u16 start;
	__u16 end;
};
struct datagram {
	struct bpf_spin_lock lock; /* for all but the bytes */
	__u32 writers;             /* packets that copy to or from the bytes: the slot is not given away meanwhile */
	struct datagram_key key;
	__u64 started; /* nanoseconds */
	__u32 received;
	__u32 total; /* length, 0 until the last fragment is there */
	__u32 reach; /* the furthest end */
	__u32 fragment_count;
	struct fragment fragments[DATAGRAM_FRAGMENTS];
	__u8 bytes[DATAGRAM_ROOM];
};

/*
 * A flow says which endpoint of the load balancer a client's packets come from, and so where replies to them go. Flows are kept
 * with --reply geneve only. A listener for UDP has flows too, with no service address and its own port for the service's: they
 * say of each of its clients where that one is.
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
		__u64 option[4]; /* of AWS, by type; there is no type 0 */
		struct {
			__u64 seen; /* nanoseconds */
			__u64 endpoint;
			__u64 attachment;
			__u32 cookie;
			__u32 behind_cookie; /* bytes of the packet that were read along */
		};
	};
	__u32 node;   /* the load balancer's address */
	__u32 router; /* the router's, that it sent to */
	__u16 port;   /* that it sent from */
	__u16 client_port; /* the client's own, if the flow has another towards the service; 0 if it has not */
	__u32 ifindex; /* of the interface that it came by */
};

/*
 * Clients behind different endpoints may have the same address and port, of which the kernel would make one connection. So the
 * later one has another port towards the service, which is unique among the flows of its address.
 */
#define TRANSLATIONS 8192
struct translation_key {
	struct address client;
	__u64 endpoint;
	__u16 client_port;
	__u8 protocol;
	__u8 family;
	__u32 zero;
};
struct translation {
	__u16 port; /* towards the service */
	__u16 zero;
};

/* A reply's first fragment names its ports. The others find its flow by this. */
#define REPLY_FRAGMENTS 1024
struct reply_fragment_key {
	__u32 saddr;
	__u32 daddr;
	__u32 id;
};
