// SPDX-License-Identifier: Apache-2.0
/*
 * Services in the maps (common.h has their structure). Every change is made beside what packets see and then published by
 * replacing one value: a command killed at any point leaves the services of before or those of after, and at worst nodes
 * that nothing refers to.
 */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "diverter.h"

/* One destination and source prefix while it is changed: its claims from the newest to the oldest. */
struct edit {
	const struct maps *maps;
	struct destination_key destination_key;
	struct group destination;
	struct source_key source_key;
	struct group group; /* of the source prefix; unless `refined`, the same as the destination's */
	bool refined, group_exists;
	struct claim *claims;
	__u32 *keys;
	unsigned count;
};

/* Keys never used before, so that nothing that still refers to an old node can meet a new one. */
static __u32 new_keys(const struct maps *maps, __u32 count)
{
	__u32 next = read_state(maps, STATE_NEXT_KEY);
	if (next + count + 1 < next)
		fail("the keys for services are used up: `diverter flush`, then restart the router");
	write_state(maps, STATE_NEXT_KEY, next + count);
	return next + 1;
}

/* Search trees that the last change replaced: by now no packet is on its way through them. */
static void delete_stale_segments(const struct maps *maps)
{
	__u32 first = read_state(maps, STATE_STALE_FIRST), count = read_state(maps, STATE_STALE_COUNT);
	for (__u32 key = first; key < first + count; key++)
		bpf_map_delete_elem(maps->segments, &key);
	write_state(maps, STATE_STALE_COUNT, 0);
}

static struct destination_key destination_key(const struct rule *rule)
{
	const struct prefix *prefix = &rule->destination;
	return (struct destination_key){ prefix->address, DESTINATION_KIND(prefix->family, rule->protocol, prefix->length) };
}

static struct source_key source_key(const struct rule *rule, __u32 set)
{
	struct source_key key = { .set = set,
				  .ifindex = rule->ifindex,
				  .length = rule->source.length,
				  .address = rule->source.address };
	return key;
}

static void read_claims(struct edit *edit)
{
	unsigned room = 0;
	for (__u32 key = edit->group.claims; key;) {
		if (edit->count == room) {
			room = room ? 2 * room : 16;
			edit->claims = realloc(edit->claims, (room + 1) * sizeof(*edit->claims));
			edit->keys = realloc(edit->keys, (room + 1) * sizeof(*edit->keys));
			if (!edit->claims || !edit->keys)
				fail("out of memory");
		}
		struct claim *claim = &edit->claims[edit->count];
		if (bpf_map_lookup_elem(edit->maps->claims, &key, claim))
			fail("the services' list is broken: `diverter flush`, then restart the router");
		edit->keys[edit->count++] = key;
		key = claim->next;
	}
	if (!room && (!(edit->claims = malloc(sizeof(*edit->claims))) || !(edit->keys = malloc(sizeof(*edit->keys)))))
		fail("out of memory");
}

/* Takes no port: its low is above its high. */
static const struct group no_group = { .root.low = 1 };

static struct edit open_edit(const struct maps *maps, const struct rule *rule)
{
	struct edit edit = { .maps = maps,
			     .destination_key = destination_key(rule),
			     .refined = rule->source.length || rule->ifindex };
	const struct group *destination = destination_find(maps, &edit.destination_key);
	edit.destination = destination ? *destination : no_group;
	edit.group = edit.refined ? no_group : edit.destination;
	edit.source_key = source_key(rule, edit.destination.set);
	edit.group_exists = edit.refined && bpf_map_lookup_elem(maps->sources, &edit.source_key, &edit.group) == 0;
	read_claims(&edit);
	return edit;
}

/* Removes the claim at this index; the newer ones are written anew, the older ones stay shared. */
static void unlink_claim(struct edit *edit, unsigned index)
{
	__u32 next = edit->claims[index].next;
	__u32 key = index ? new_keys(edit->maps, index) : 0;
	edit->group.claims = index ? key : next;
	for (unsigned i = 0; i < index; i++, key++) {
		struct claim claim = edit->claims[i];
		claim.next = i + 1 < index ? key + 1 : next;
		write_entry(edit->maps->claims, &key, &claim);
	}
	memmove(&edit->claims[index], &edit->claims[index + 1], (edit->count - index - 1) * sizeof(*edit->claims));
	edit->count--;
}

static void link_claim(struct edit *edit, struct claim claim)
{
	claim.next = edit->group.claims;
	edit->group.claims = new_keys(edit->maps, 1);
	write_entry(edit->maps->claims, &edit->group.claims, &claim);
	memmove(&edit->claims[1], edit->claims, edit->count * sizeof(*edit->claims));
	edit->claims[0] = claim;
	edit->count++;
}

/* Writes the nodes below `node`, in the order of their ports, and then itself: the root into the group, others into the map. */
static const struct segment *write_tree(struct edit *edit, const struct segment *next, __u32 node)
{
	if (node >= edit->group.segment_count)
		return next;
	next = write_tree(edit, next, 2 * node + 1);
	__u32 key = edit->group.first_segment + node;
	if (node)
		write_entry(edit->maps->segments, &key, next);
	else
		edit->group.root = *next;
	return write_tree(edit, next + 1, 2 * node + 2);
}

/* Builds the group's search tree from its claims. */
static void build_tree(struct edit *edit)
{
	static struct segment segments[PORTS];
	unsigned count = segments_of(edit->claims, edit->count, segments);
	edit->group.root = (struct segment){ .low = 1 };
	edit->group.segment_count = count;
	edit->group.first_segment = count > 1 ? new_keys(edit->maps, count) : 0;
	write_tree(edit, segments, 0);
}

static void publish_destination(struct edit *edit)
{
	if (edit->destination.claims || edit->destination.set)
		destination_write(edit->maps, &edit->destination_key, &edit->destination);
	else
		destination_delete(edit->maps, &edit->destination_key);
}

/* In the order that a packet must not see more than one step of: the set, then the source, then the destination's link. */
static void publish_source(struct edit *edit)
{
	bool first = !edit->destination.set;
	__u32 set_key = first ? new_keys(edit->maps, 1) : edit->destination.set;
	struct set set = {};
	bpf_map_lookup_elem(edit->maps->sets, &set_key, &set);
	if (!edit->group_exists) {
		set.groups++;
		length_set(&set.lengths, KIND_FAMILY(edit->destination_key.kind), edit->source_key.length, true);
		write_entry(edit->maps->sets, &set_key, &set);
	}
	edit->source_key.set = set_key;
	write_entry(edit->maps->sources, &edit->source_key, &edit->group);
	if (first) {
		edit->destination.set = set_key;
		publish_destination(edit);
	}
}

static void withdraw_source(struct edit *edit)
{
	__u32 set_key = edit->destination.set;
	struct set set = {};
	bpf_map_delete_elem(edit->maps->sources, &edit->source_key);
	bpf_map_lookup_elem(edit->maps->sets, &set_key, &set);
	if (--set.groups) {
		write_entry(edit->maps->sets, &set_key, &set);
		return;
	}
	edit->destination.set = 0;
	publish_destination(edit);
	bpf_map_delete_elem(edit->maps->sets, &set_key);
}

static void publish(struct edit *edit)
{
	if (!edit->refined) {
		edit->destination = edit->group;
		publish_destination(edit);
	} else if (edit->count) {
		publish_source(edit);
	} else {
		withdraw_source(edit);
	}
}

/* `replaced` are the nodes of the claims' list that were written anew or removed. */
static void close_edit(struct edit *edit, const struct group *before, unsigned replaced)
{
	build_tree(edit);
	write_state(edit->maps, STATE_STALE_FIRST, before->first_segment);
	publish(edit);
	write_state(edit->maps, STATE_STALE_COUNT, before->segment_count);
	for (unsigned i = 0; i < replaced; i++)
		bpf_map_delete_elem(edit->maps->claims, &edit->keys[i]);
	free(edit->claims);
	free(edit->keys);
}

bool service_needs(const struct maps *maps, const struct prefix *destination)
{
	struct rule rule = { .destination = *destination, .protocol = IPPROTO_TCP };
	const struct destination_key tcp = destination_key(&rule);
	rule.protocol = IPPROTO_UDP;
	const struct destination_key udp = destination_key(&rule);
	return destination_find(maps, &tcp) || destination_find(maps, &udp);
}

void service_add(const struct maps *maps, const struct rule *rule)
{
	delete_stale_segments(maps);
	struct edit edit = open_edit(maps, rule);
	destination_check_room(maps, &edit.destination_key); /* before anything is written */
	struct group before = edit.group;
	struct claim claim = { .low = rule->low, .high = rule->high, .port = rule->port };
	memcpy(claim.service, rule->service, sizeof(claim.service));

	unsigned replaced = 0;
	for (unsigned i = 0; i < edit.count; i++) {
		const struct claim *old = &edit.claims[i];
		if (old->low == claim.low && old->high == claim.high && strcmp(old->service, claim.service) == 0) {
			unlink_claim(&edit, i);
			replaced = i + 1;
			break;
		}
	}
	link_claim(&edit, claim);
	close_edit(&edit, &before, replaced);
}

/*
 * The contract's -D does not say of which service. A tunneler closes a service's listeners before it sends -D, so the one
 * whose listener is gone is meant, the oldest of several; one that still listens is another service's, and never. Those
 * without a listener (-t 0) go last.
 */
static int removed_claim(const struct edit *edit, const struct rule *rule)
{
	int oldest = -1;
	for (int i = edit->count - 1; i >= 0; i--) {
		const struct claim *claim = &edit->claims[i];
		if (claim->low != rule->low || claim->high != rule->high)
			continue;
		if (claim->port && !listener_present(rule->destination.family, rule->protocol, claim->port))
			return i;
		if (!claim->port && oldest < 0)
			oldest = i;
	}
	return oldest;
}

/* Whether any claim has this range. */
static bool is_claimed(const struct edit *edit, const struct rule *rule)
{
	for (unsigned i = 0; i < edit->count; i++)
		if (edit->claims[i].low == rule->low && edit->claims[i].high == rule->high)
			return true;
	return false;
}

enum removal service_remove(const struct maps *maps, const struct rule *rule)
{
	delete_stale_segments(maps);
	struct edit edit = open_edit(maps, rule);
	struct group before = edit.group;
	int index = removed_claim(&edit, rule);
	if (index < 0)
		return is_claimed(&edit, rule) ? STILL_LISTENING : NO_SUCH_RULE;
	unlink_claim(&edit, index);
	close_edit(&edit, &before, index + 1);
	return REMOVED;
}
