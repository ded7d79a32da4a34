// SPDX-License-Identifier: Apache-2.0
/*
 * Rules are added to and removed from the maps (common.h has their structure). A change is made beside what packets see, and then
 * published by replacing one value: a command killed at any point leaves the rules of before or those of after, and at worst
 * nodes that nothing refers to.
 */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "diverter.h"

/* An edit is one destination and source prefix while it is changed: its rules from the latest to the oldest, with their keys. */
struct edit {
	const struct maps *maps;
	struct destination_key destination_key;
	struct rule_group destination;
	struct source_key source_key;
	struct rule_group group; /* of the source prefix; unless `refined`, the same as the destination's */
	bool refined, group_exists;
	struct rule_node *rules;
	__u32 *keys;
	unsigned count;
};

/*
 * A key is never given twice, so that a packet that still looks at an old node cannot meet a new one. Returns the first of
 * `count`.
 */
static __u32 new_keys(const struct maps *maps, __u32 count)
{
	__u32 next = read_state(maps, STATE_NEXT_KEY);
	if (next + count + 1 < next)
		fail("the keys for services are used up: `diverter flush`, then restart the router");
	write_state(maps, STATE_NEXT_KEY, next + count);
	return next + 1;
}

/* The search tree that the last change replaced is deleted: by now no packet is on its way through it. */
static void delete_stale_ranges(const struct maps *maps)
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

static struct source_key source_key(const struct rule *rule, __u32 source_set)
{
	struct source_key key = { .source_set = source_set,
				  .ifindex = rule->ifindex,
				  .length = rule->source.length,
				  .address = rule->source.address };
	return key;
}

static void read_rules(struct edit *edit)
{
	unsigned room = 0;
	for (__u32 key = edit->group.newest; key;) {
		if (edit->count == room) {
			room = room ? 2 * room : 16;
			edit->rules = realloc(edit->rules, (room + 1) * sizeof(*edit->rules));
			edit->keys = realloc(edit->keys, (room + 1) * sizeof(*edit->keys));
			if (!edit->rules || !edit->keys)
				fail("out of memory");
		}
		struct rule_node *node = &edit->rules[edit->count];
		if (bpf_map_lookup_elem(edit->maps->claims, &key, node))
			fail("the services' list is broken: `diverter flush`, then restart the router");
		edit->keys[edit->count++] = key;
		key = node->next;
	}
	if (!room && (!(edit->rules = malloc(sizeof(*edit->rules))) || !(edit->keys = malloc(sizeof(*edit->keys)))))
		fail("out of memory");
}

/* A group without rules takes no port: its root's low is above its high. */
static const struct rule_group no_rules = { .root.low = 1 };

static struct edit open_edit(const struct maps *maps, const struct rule *rule)
{
	struct edit edit = { .maps = maps,
			     .destination_key = destination_key(rule),
			     .refined = rule->source.length || rule->ifindex };
	const struct rule_group *destination = destination_find(maps, &edit.destination_key);
	edit.destination = destination ? *destination : no_rules;
	edit.group = edit.refined ? no_rules : edit.destination;
	edit.source_key = source_key(rule, edit.destination.source_set);
	edit.group_exists = edit.refined && bpf_map_lookup_elem(maps->sources, &edit.source_key, &edit.group) == 0;
	read_rules(&edit);
	return edit;
}

/* The rule at this index is removed: later ones are written anew, older ones stay shared. */
static void unlink_rule(struct edit *edit, unsigned index)
{
	__u32 next = edit->rules[index].next;
	__u32 key = index ? new_keys(edit->maps, index) : 0;
	edit->group.newest = index ? key : next;
	for (unsigned i = 0; i < index; i++, key++) {
		struct rule_node node = edit->rules[i];
		node.next = i + 1 < index ? key + 1 : next;
		write_entry(edit->maps->claims, &key, &node);
	}
	memmove(&edit->rules[index], &edit->rules[index + 1], (edit->count - index - 1) * sizeof(*edit->rules));
	edit->count--;
}

static void link_rule(struct edit *edit, struct rule_node node)
{
	node.next = edit->group.newest;
	edit->group.newest = new_keys(edit->maps, 1);
	write_entry(edit->maps->claims, &edit->group.newest, &node);
	memmove(&edit->rules[1], edit->rules, edit->count * sizeof(*edit->rules));
	edit->rules[0] = node;
	edit->count++;
}

/* A node and those below it are written, in the order of their ports: the root into the group, others into the map. */
static const struct port_range *write_tree(struct edit *edit, const struct port_range *next, __u32 node)
{
	if (node >= edit->group.range_count)
		return next;
	next = write_tree(edit, next, 2 * node + 1);
	__u32 key = edit->group.first_range + node;
	if (node)
		write_entry(edit->maps->segments, &key, next);
	else
		edit->group.root = *next;
	return write_tree(edit, next + 1, 2 * node + 2);
}

/* The group's search tree is built from its rules. */
static void build_tree(struct edit *edit)
{
	static struct port_range ranges[PORTS];
	unsigned count = port_ranges_of(edit->rules, edit->count, ranges);
	edit->group.root = (struct port_range){ .low = 1 };
	edit->group.range_count = count;
	edit->group.first_range = count > 1 ? new_keys(edit->maps, count) : 0;
	write_tree(edit, ranges, 0);
}

static void publish_destination(struct edit *edit)
{
	if (edit->destination.newest || edit->destination.source_set)
		destination_write(edit->maps, &edit->destination_key, &edit->destination);
	else
		destination_delete(edit->maps, &edit->destination_key);
}

/*
 * The source set is written, then the source, then the destination that refers to the set: each step leaves what a packet may
 * see.
 */
static void publish_source(struct edit *edit)
{
	bool first = !edit->destination.source_set;
	__u32 set_key = first ? new_keys(edit->maps, 1) : edit->destination.source_set;
	struct source_set set = {};
	bpf_map_lookup_elem(edit->maps->sets, &set_key, &set);
	if (!edit->group_exists) {
		set.groups++;
		length_set(&set.lengths, KIND_FAMILY(edit->destination_key.kind), edit->source_key.length, true);
		write_entry(edit->maps->sets, &set_key, &set);
	}
	edit->source_key.source_set = set_key;
	write_entry(edit->maps->sources, &edit->source_key, &edit->group);
	if (first) {
		edit->destination.source_set = set_key;
		publish_destination(edit);
	}
}

static void withdraw_source(struct edit *edit)
{
	__u32 set_key = edit->destination.source_set;
	struct source_set set = {};
	bpf_map_delete_elem(edit->maps->sources, &edit->source_key);
	bpf_map_lookup_elem(edit->maps->sets, &set_key, &set);
	if (--set.groups) {
		write_entry(edit->maps->sets, &set_key, &set);
		return;
	}
	edit->destination.source_set = 0;
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

/* `replaced` is how many rules, from the latest on, were written anew or removed. */
static void close_edit(struct edit *edit, const struct rule_group *before, unsigned replaced)
{
	build_tree(edit);
	write_state(edit->maps, STATE_STALE_FIRST, before->first_range);
	publish(edit);
	write_state(edit->maps, STATE_STALE_COUNT, before->range_count);
	for (unsigned i = 0; i < replaced; i++)
		bpf_map_delete_elem(edit->maps->claims, &edit->keys[i]);
	free(edit->rules);
	free(edit->keys);
}

bool has_rules(const struct maps *maps, const struct prefix *destination)
{
	struct rule rule = { .destination = *destination, .protocol = IPPROTO_TCP };
	const struct destination_key tcp = destination_key(&rule);
	rule.protocol = IPPROTO_UDP;
	const struct destination_key udp = destination_key(&rule);
	return destination_find(maps, &tcp) || destination_find(maps, &udp);
}

void rule_add(const struct maps *maps, const struct rule *rule)
{
	delete_stale_ranges(maps);
	struct edit edit = open_edit(maps, rule);
	destination_check_room(maps, &edit.destination_key); /* before anything is written */
	struct rule_group before = edit.group;
	struct rule_node node = { .low = rule->low, .high = rule->high, .port = rule->port };
	memcpy(node.service, rule->service, sizeof(node.service));

	unsigned replaced = 0;
	for (unsigned i = 0; i < edit.count; i++) {
		const struct rule_node *old = &edit.rules[i];
		if (old->low == node.low && old->high == node.high && strcmp(old->service, node.service) == 0) {
			unlink_rule(&edit, i);
			replaced = i + 1;
			break;
		}
	}
	link_rule(&edit, node);
	close_edit(&edit, &before, replaced);
}

/*
 * The contract's -D does not say of which service. A tunneler closes a service's listeners before it sends -D, so the rule whose
 * listener is gone is meant, the oldest of several; one that still listens is another service's, and never. Those without a
 * listener (-t 0) go last. Returns its index, or -1.
 */
static int rule_to_remove(const struct edit *edit, const struct rule *rule)
{
	int oldest = -1;
	for (int i = edit->count - 1; i >= 0; i--) {
		const struct rule_node *node = &edit->rules[i];
		if (node->low != rule->low || node->high != rule->high)
			continue;
		if (node->port && !listener_present(rule->destination.family, rule->protocol, node->port))
			return i;
		if (!node->port && oldest < 0)
			oldest = i;
	}
	return oldest;
}

/* True if any rule has this range. */
static bool is_there(const struct edit *edit, const struct rule *rule)
{
	for (unsigned i = 0; i < edit->count; i++)
		if (edit->rules[i].low == rule->low && edit->rules[i].high == rule->high)
			return true;
	return false;
}

enum removal rule_remove(const struct maps *maps, const struct rule *rule)
{
	delete_stale_ranges(maps);
	struct edit edit = open_edit(maps, rule);
	struct rule_group before = edit.group;
	int index = rule_to_remove(&edit, rule);
	if (index < 0)
		return is_there(&edit, rule) ? STILL_LISTENING : NO_SUCH_RULE;
	unlink_rule(&edit, index);
	close_edit(&edit, &before, index + 1);
	return REMOVED;
}
