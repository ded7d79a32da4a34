// SPDX-License-Identifier: Apache-2.0
/* A rule's destination must be this machine's own, or the stack drops what is diverted there, or sends it on. */
#include <stdlib.h>
#include <string.h>

#include "diverter.h"

struct rules {
	struct rule *all;
	unsigned count, room;
};

static void note_rule(const struct rule *rule, void *context)
{
	struct rules *rules = context;
	if (rules->count == rules->room) {
		rules->room = rules->room ? 2 * rules->room : 64;
		rules->all = reallocarray(rules->all, rules->room, sizeof(*rule));
		if (!rules->all)
			fail("out of memory");
	}
	rules->all[rules->count++] = *rule;
}

static int by_destination(const void *left, const void *right)
{
	const struct rule *a = left, *b = right;
	return memcmp(&a->destination, &b->destination, sizeof(a->destination));
}

unsigned nonlocal(const struct maps *maps, struct rule **found)
{
	struct rules rules = {};
	unsigned count = 0;
	rules_each(maps, note_rule, &rules);
	if (rules.count)
		qsort(rules.all, rules.count, sizeof(*rules.all), by_destination);
	for (unsigned i = 0; i < rules.count; i++) {
		bool is_seen = i && by_destination(&rules.all[i - 1], &rules.all[i]) == 0;
		if (!is_seen && !route_is_local(&rules.all[i].destination))
			rules.all[count++] = rules.all[i];
	}
	*found = rules.all;
	return count;
}
