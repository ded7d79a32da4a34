/* Flows: what makes one, which target it goes to, how long it is kept. */
#define _GNU_SOURCE
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <time.h>
#include "gwlb.h"

enum { MAX_FLOWS = 1 << 18 };
static struct flow flows[MAX_FLOWS], *buckets[MAX_FLOWS];

struct target targets[MAX_TARGETS];
size_t target_count;
struct policy policy = { 5, false, false, false, 350000, 120000 };
struct counters count;

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
	h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;
	return h ^ (h >> 33);
}

static uint64_t hash_of(const struct key *key)
{
	uint64_t h = 0;
	for (size_t i = 0; i < sizeof *key; i += sizeof h) {
		uint64_t word;
		memcpy(&word, (const char *)key + i, sizeof word);
		h = mix(h ^ word);
	}
	return h;
}
_Static_assert(sizeof(struct key) % sizeof(uint64_t) == 0, "hashed word by word");

/* Fragments, and protocols without ports, are told apart by addresses and protocol alone. */
bool read_key(const uint8_t *packet, size_t size, uint64_t endpoint, struct key *key, bool *opens)
{
	size_t header;
	bool fragment;

	memset(key, 0, sizeof *key);
	key->endpoint = endpoint;
	*opens = true;
	if (size < 1)
		return false;
	key->version = packet[0] >> 4;
	if (key->version == 4) {
		const struct iphdr *ip = (const void *)packet;
		if (size < sizeof *ip || ip->ihl < 5 || ntohs(ip->tot_len) != size)
			return false;
		memcpy(key->ends[0].address, &ip->saddr, 4);
		memcpy(key->ends[1].address, &ip->daddr, 4);
		key->protocol = ip->protocol;
		header = ip->ihl * 4u;
		fragment = ip->frag_off & htons(IP_MF | IP_OFFMASK);
	} else if (key->version == 6) {
		const struct ip6_hdr *ip = (const void *)packet;
		if (size < sizeof *ip || ntohs(ip->ip6_plen) + sizeof *ip != size)
			return false;
		memcpy(key->ends[0].address, &ip->ip6_src, 16);
		memcpy(key->ends[1].address, &ip->ip6_dst, 16);
		key->protocol = ip->ip6_nxt;
		header = sizeof *ip;
		fragment = false; /* a fragment's next header is neither TCP nor UDP */
	} else {
		return false;
	}

	bool tcp = key->protocol == IPPROTO_TCP, udp = key->protocol == IPPROTO_UDP;
	if (policy.tuple == 5 && !fragment && (tcp || udp)) {
		if (size < header + (tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr)))
			return false;
		memcpy(&key->ends[0].port, packet + header, 2);
		memcpy(&key->ends[1].port, packet + header + 2, 2);
		const struct tcphdr *segment = (const void *)(packet + header);
		*opens = !tcp || (segment->syn && !segment->ack);
	}
	if (policy.tuple == 2)
		key->protocol = 0;
	if (memcmp(&key->ends[0], &key->ends[1], sizeof key->ends[0]) > 0) {
		struct end first = key->ends[1];
		key->ends[1] = key->ends[0];
		key->ends[0] = first;
	}
	return true;
}

static bool expired(const struct flow *flow, int64_t now)
{
	return now - flow->last > (flow->key.protocol == IPPROTO_TCP ? policy.tcp_idle : policy.other_idle);
}

static void forget(struct flow *flow)
{
	struct flow **link = &buckets[flow->hash % MAX_FLOWS];
	while (*link != flow)
		link = &(*link)->next;
	*link = flow->next;
	flow->last = 0;
}

static struct flow *find_flow(const struct key *key, uint64_t hash, int64_t now)
{
	for (struct flow *flow = buckets[hash % MAX_FLOWS]; flow; flow = flow->next) {
		if (memcmp(&flow->key, key, sizeof *key))
			continue;
		if (!expired(flow, now))
			return flow;
		forget(flow);
		count.flows_expired++;
		return NULL;
	}
	return NULL;
}

/* A slot for a new flow: the next one that is free or has expired. Looks at few, so a full table costs no time. */
static struct flow *new_flow(const struct key *key, uint64_t hash, int64_t now)
{
	static uint32_t hand, generation;

	for (int tries = 0; tries < 64; tries++) {
		uint32_t slot = hand++ % MAX_FLOWS;
		struct flow *flow = &flows[slot];
		if (flow->last && expired(flow, now)) {
			forget(flow);
			count.flows_expired++;
		}
		if (flow->last)
			continue;
		flow->key = *key;
		flow->hash = hash;
		flow->cookie = slot + (uint32_t)MAX_FLOWS * ++generation;
		flow->next = buckets[hash % MAX_FLOWS];
		buckets[hash % MAX_FLOWS] = flow;
		count.flows_created++;
		return flow;
	}
	return NULL;
}

static const struct target *find_target(in_addr_t ip)
{
	for (size_t i = 0; i < target_count; i++)
		if (targets[i].ip == ip)
			return &targets[i];
	return NULL;
}

/* Rendezvous hashing: a target that comes or goes moves no new flow between the others. */
static const struct target *choose(uint64_t hash)
{
	const struct target *best = NULL;
	uint64_t best_score = 0;
	bool any_healthy = false;

	for (size_t i = 0; i < target_count; i++)
		any_healthy |= targets[i].state == HEALTHY;
	for (size_t i = 0; i < target_count; i++) {
		uint64_t score = mix(hash ^ mix(targets[i].ip));
		if ((!any_healthy || targets[i].state == HEALTHY) && (!best || score > best_score)) {
			best = &targets[i];
			best_score = score;
		}
	}
	return best;
}

/* A draining target keeps its flows until it is gone from the list. */
static bool must_move(const struct flow *flow)
{
	const struct target *target = find_target(flow->target);
	return policy.rebalance && (!target || target->state == UNHEALTHY);
}

static bool must_reset(const struct flow *flow)
{
	const struct target *target = find_target(flow->target);
	if (flow->key.protocol != IPPROTO_TCP || flow->key.version != 4 || policy.tuple != 5)
		return false;
	return target ? policy.reset_unhealthy && target->state == UNHEALTHY : policy.reset_deregistered;
}

/* A draining target gets no new connections; one whose ports an old connection had is new all the same. */
static bool opens_on_leaving(const struct flow *flow)
{
	const struct target *target = find_target(flow->target);
	return flow->key.protocol == IPPROTO_TCP && policy.tuple == 5 && target && target->state == DRAINING;
}

struct flow *flow_of(const struct key *key, bool opens, bool *reset)
{
	int64_t now = now_ms();
	uint64_t hash = hash_of(key);
	struct flow *flow = find_flow(key, hash, now);

	*reset = false;
	if (flow && opens && opens_on_leaving(flow)) {
		forget(flow);
		flow = NULL;
	}
	if (flow && must_reset(flow)) {
		forget(flow);
		flow = NULL;
		count.flows_reset++;
		if (!opens) {
			*reset = true;
			return NULL;
		}
	}
	if (!flow || must_move(flow)) {
		const struct target *target = choose(hash);
		if (!flow && !opens) {
			count.drop_no_flow++;
			return NULL;
		}
		if (!flow && !target) {
			count.drop_no_target++;
			return NULL;
		}
		if (!flow && !(flow = new_flow(key, hash, now))) {
			count.drop_table_full++;
			return NULL;
		}
		if (target && flow->target != target->ip) {
			count.flows_moved += flow->last != 0;
			flow->target = target->ip;
		}
	}
	flow->last = now;
	return flow;
}

bool returns(uint32_t cookie, in_addr_t from, const struct key *key)
{
	struct flow *flow = &flows[cookie % MAX_FLOWS];

	if (!flow->last || flow->cookie != cookie || flow->target != from || memcmp(&flow->key, key, sizeof *key))
		return false;
	flow->last = now_ms();
	return true;
}
