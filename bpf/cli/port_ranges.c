// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "diverter.h"

/* A painting has the listener's port for each port of a packet, between the lowest and the highest that any rule has. */
#define NOBODY -1
struct painting {
	int low, high;
	int owner[PORTS];
};

/* The rule with the narrowest range wins, then the latest: so it is painted last. */
static int by_precedence(const void *left, const void *right)
{
	const struct rule_node *a = *(const struct rule_node *const *)left, *b = *(const struct rule_node *const *)right;
	int width = (b->high - b->low) - (a->high - a->low);
	return width ? width : (a < b) - (a > b);
}

static void paint(const struct rule_node *rules, unsigned count, struct painting *painting)
{
	const struct rule_node **order = malloc((count + 1) * sizeof(*order));
	if (!order)
		fail("out of memory");
	painting->low = PORTS;
	painting->high = -1;
	for (unsigned i = 0; i < count; i++) {
		order[i] = &rules[i];
		painting->low = order[i]->low < painting->low ? order[i]->low : painting->low;
		painting->high = order[i]->high > painting->high ? order[i]->high : painting->high;
	}
	qsort(order, count, sizeof(*order), by_precedence);
	for (int port = painting->low; port <= painting->high; port++)
		painting->owner[port] = NOBODY;
	for (unsigned i = 0; i < count; i++)
		for (int port = order[i]->low; port <= order[i]->high; port++)
			painting->owner[port] = order[i]->port;
	free(order);
}

unsigned port_ranges_of(const struct rule_node *rules, unsigned count, struct port_range ranges[PORTS])
{
	static struct painting painting;
	unsigned made = 0;

	paint(rules, count, &painting);
	for (int port = painting.low; port <= painting.high; port++) {
		if (painting.owner[port] == NOBODY)
			continue;
		if (port > painting.low && painting.owner[port - 1] == painting.owner[port])
			ranges[made - 1].high = port;
		else
			ranges[made++] = (struct port_range){ .low = port, .high = port, .port = painting.owner[port] };
	}
	return made;
}
