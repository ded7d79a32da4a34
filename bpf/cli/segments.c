// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "diverter.h"

/* Which port takes each port of the packet, between the lowest and the highest that any range names. */
#define NOBODY -1
struct painting {
	int low, high;
	int owner[PORTS];
};

/* The narrowest range wins, then the newest: so they are painted last. */
static int by_precedence(const void *left, const void *right)
{
	const struct claim *a = *(const struct claim *const *)left, *b = *(const struct claim *const *)right;
	int width = (b->high - b->low) - (a->high - a->low);
	return width ? width : (a < b) - (a > b);
}

static void paint(const struct claim *claims, unsigned count, struct painting *painting)
{
	const struct claim **order = malloc((count + 1) * sizeof(*order));
	if (!order)
		fail("out of memory");
	painting->low = PORTS;
	painting->high = -1;
	for (unsigned i = 0; i < count; i++) {
		order[i] = &claims[i];
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

unsigned segments_of(const struct claim *claims, unsigned count, struct segment segments[PORTS])
{
	static struct painting painting;
	unsigned made = 0;

	paint(claims, count, &painting);
	for (int port = painting.low; port <= painting.high; port++) {
		if (painting.owner[port] == NOBODY)
			continue;
		if (port > painting.low && painting.owner[port - 1] == painting.owner[port])
			segments[made - 1].high = port;
		else
			segments[made++] = (struct segment){ .low = port, .high = port, .port = painting.owner[port] };
	}
	return made;
}
