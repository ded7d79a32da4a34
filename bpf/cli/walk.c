// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "diverter.h"

/* Calls `each` with the rules of one group after the other. */
struct walk {
	const struct maps *maps;
	void (*each)(const struct rule *rule, void *context);
	void *context;
	struct rule rule; /* all of it but what a claim says */
	struct owner *owners;
	size_t owner_count;
};

/* The destination that a set of sources belongs to. */
struct owner {
	__u32 set;
	struct destination_key destination;
};

static int by_set(const void *left, const void *right)
{
	const struct owner *a = left, *b = right;
	return (a->set > b->set) - (a->set < b->set);
}

static void each_claim(struct walk *walk, const struct group *group)
{
	struct claim claim;
	for (__u32 key = group->claims; key && bpf_map_lookup_elem(walk->maps->claims, &key, &claim) == 0; key = claim.next) {
		walk->rule.low = claim.low;
		walk->rule.high = claim.high;
		walk->rule.port = claim.port;
		memcpy(walk->rule.service, claim.service, sizeof(walk->rule.service));
		walk->each(&walk->rule, walk->context);
	}
}

static void set_destination(struct walk *walk, const struct destination_key *key)
{
	int family = KIND_FAMILY(key->kind);
	walk->rule.protocol = KIND_PROTOCOL(key->kind);
	walk->rule.destination = (struct prefix){ .family = family, .length = KIND_LENGTH(key->kind), .address = key->address };
	walk->rule.source = (struct prefix){ .family = family };
	walk->rule.ifindex = 0;
}

static void note_owner(struct walk *walk, const struct owner *owner)
{
	walk->owners = reallocarray(walk->owners, walk->owner_count + 1, sizeof(*owner));
	if (!walk->owners)
		fail("out of memory");
	walk->owners[walk->owner_count++] = *owner;
}

static void each_destination(struct walk *walk)
{
	for (__u32 number = 1; number < NUMBERS; number++) {
		/* A copy: without the lock it may be another's before we are through. */
		const struct destination destination = walk->maps->destinations[number];
		if (destination_number(walk->maps, &destination.key) != number)
			continue;
		set_destination(walk, &destination.key);
		each_claim(walk, &destination.group);
		if (destination.group.set)
			note_owner(walk, &(struct owner){ destination.group.set, destination.key });
	}
}

static void each_source(struct walk *walk)
{
	struct source_key key;
	struct group group;
	for (struct source_key *at = NULL; bpf_map_get_next_key(walk->maps->sources, at, &key) == 0; at = &key) {
		const struct owner *owner =
			bsearch(&(struct owner){ .set = key.set }, walk->owners, walk->owner_count, sizeof(*walk->owners), by_set);
		if (!owner || bpf_map_lookup_elem(walk->maps->sources, &key, &group))
			continue;
		set_destination(walk, &owner->destination);
		walk->rule.source.length = key.length;
		walk->rule.source.address = key.address;
		walk->rule.ifindex = key.ifindex;
		each_claim(walk, &group);
	}
}

void service_each(const struct maps *maps, void (*each)(const struct rule *rule, void *context), void *context)
{
	struct walk walk = { .maps = maps, .each = each, .context = context };
	each_destination(&walk);
	qsort(walk.owners, walk.owner_count, sizeof(*walk.owners), by_set);
	each_source(&walk);
	free(walk.owners);
}

void count_rule(const struct rule *rule, void *context)
{
	(void)rule;
	++*(unsigned *)context;
}

static void delete_all(int map)
{
	union {
		struct source_key source;
		__u32 node;
	} key, next;
	bool more = bpf_map_get_next_key(map, NULL, &key) == 0;
	while (more) {
		more = bpf_map_get_next_key(map, &key, &next) == 0;
		bpf_map_delete_elem(map, &key);
		key = next;
	}
}

/* Takes what a killed command left behind as well. */
void service_flush(const struct maps *maps)
{
	destination_delete_all(maps);
	delete_all(maps->sources);
	delete_all(maps->sets);
	delete_all(maps->segments);
	delete_all(maps->claims);
	/* A packet on its way through what was there is through long before the next command gives these keys again. */
	write_state(maps, STATE_NEXT_KEY, 0);
	write_state(maps, STATE_STALE_FIRST, 0);
	write_state(maps, STATE_STALE_COUNT, 0);
	calls_flushed(maps->calls);
	route_flush();
	locals_refresh();
}
