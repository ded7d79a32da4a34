// SPDX-License-Identifier: Apache-2.0
/* Every rule of the maps is read, with or without the lock: common.h has their structure. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "diverter.h"

struct reader {
	const struct maps *maps;
	void (*each)(const struct rule *rule, void *context);
	void *context;
	struct rule rule; /* all of it but what a rule's node says */
	struct owner *owners;
	size_t owner_count;
	unsigned left; /* of the rules that there can be: the router's group may have written a list that leads back into itself */
};

/* The destination that a source set belongs to. */
struct owner {
	__u32 source_set;
	struct destination_key destination;
};

static int by_source_set(const void *left, const void *right)
{
	const struct owner *a = left, *b = right;
	return (a->source_set > b->source_set) - (a->source_set < b->source_set);
}

static void each_of_group(struct reader *reader, const struct rule_group *group)
{
	struct rule_node node;
	for (__u32 key = group->newest;
	     key && reader->left && bpf_map_lookup_elem(reader->maps->claims, &key, &node) == 0; key = node.next) {
		reader->left--;
		reader->rule.low = node.low;
		reader->rule.high = node.high;
		reader->rule.port = node.port;
		memcpy(reader->rule.service, node.service, sizeof(reader->rule.service));
		reader->rule.service[sizeof(reader->rule.service) - 1] = 0;
		make_printable(reader->rule.service);
		reader->each(&reader->rule, reader->context);
	}
}

static void set_destination(struct reader *reader, const struct destination_key *key)
{
	int family = KIND_FAMILY(key->kind);
	reader->rule.protocol = KIND_PROTOCOL(key->kind);
	reader->rule.destination = (struct prefix){ .family = family, .length = KIND_LENGTH(key->kind), .address = key->address };
	reader->rule.source = (struct prefix){ .family = family };
	reader->rule.ifindex = 0;
}

static void note_owner(struct reader *reader, const struct owner *owner)
{
	reader->owners = reallocarray(reader->owners, reader->owner_count + 1, sizeof(*owner));
	if (!reader->owners)
		fail("out of memory");
	reader->owners[reader->owner_count++] = *owner;
}

static void each_of_destinations(struct reader *reader)
{
	for (__u32 number = 1; number < NUMBERS; number++) {
		/* A copy, as without the lock another command may write here before we are through. */
		const struct destination destination = reader->maps->destinations[number];
		if (destination_number(reader->maps, &destination.key) != number)
			continue;
		set_destination(reader, &destination.key);
		each_of_group(reader, &destination.group);
		if (destination.group.source_set)
			note_owner(reader, &(struct owner){ destination.group.source_set, destination.key });
	}
}

static void each_of_sources(struct reader *reader)
{
	struct source_key key;
	struct rule_group group;
	for (struct source_key *at = NULL; bpf_map_get_next_key(reader->maps->sources, at, &key) == 0; at = &key) {
		const struct owner *owner = bsearch(&(struct owner){ .source_set = key.source_set }, reader->owners,
						    reader->owner_count, sizeof(*reader->owners), by_source_set);
		if (!owner || bpf_map_lookup_elem(reader->maps->sources, &key, &group))
			continue;
		set_destination(reader, &owner->destination);
		reader->rule.source.length = key.length;
		reader->rule.source.address = key.address;
		reader->rule.ifindex = key.ifindex;
		each_of_group(reader, &group);
	}
}

void rules_each(const struct maps *maps, void (*each)(const struct rule *rule, void *context), void *context)
{
	struct reader reader = { .maps = maps, .each = each, .context = context, .left = MAX_SERVICES };
	each_of_destinations(&reader);
	if (!reader.owner_count)
		return;
	qsort(reader.owners, reader.owner_count, sizeof(*reader.owners), by_source_set);
	each_of_sources(&reader);
	free(reader.owners);
}

static void count(const struct rule *rule, void *context)
{
	(void)rule;
	++*(unsigned *)context;
}

unsigned rules_count(const struct maps *maps)
{
	unsigned rules = 0;
	rules_each(maps, count, &rules);
	return rules;
}
