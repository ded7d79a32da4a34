// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "diverter.h"

static void print_nothing(const struct attached_interface *interface)
{
	(void)interface;
}

static void print_change(struct items *list, const char *name, __u64 change)
{
	if (!change)
		return;
	items_next(list);
	printf("%s %llu/s", name, (unsigned long long)change);
}

/* Each second is a line: how often each verdict was reached in it, and what the stack counted. Maps that are new count from 0 on. */
void watch(void)
{
	struct maps maps;
	__u64 last[VERDICTS_KNOWN] = {}, last_of_stack[STACK_COUNTERS] = {}, counts[STACK_COUNTERS];
	if (!maps_open(&maps))
		fail("nothing is attached: `diverter attach IF --from CIDR`");
	for (bool first = true;; first = false) {
		struct items list = { "  ", false };
		for (__u32 verdict = 0; verdict < VERDICTS_KNOWN; verdict++) {
			__u64 value = counter(&maps, verdict);
			print_change(&list, verdict_names[verdict], first ? 0 : value < last[verdict] ? value : value - last[verdict]);
			last[verdict] = value;
		}
		stack_read(counts);
		for (int i = 0; i < STACK_COUNTERS; i++)
			print_change(&list, stack_counters[i].shown, first ? 0 : counts[i] - last_of_stack[i]);
		memcpy(last_of_stack, counts, sizeof(counts));
		if (!first)
			puts(list.started ? "" : print_attached(&maps, print_nothing, "") ? "no packets" : "not attached");
		fflush(stdout);
		sleep(1);
		maps_close(&maps);
		maps_open(&maps);
	}
}
