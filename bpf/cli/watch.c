// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "diverter.h"

static void print_nothing(const struct shown *shown)
{
	(void)shown;
}

static void print_change(struct items *list, const char *name, __u64 change)
{
	if (!change)
		return;
	items_next(list);
	printf("%s %llu/s", name, (unsigned long long)change);
}

/* Every second, how often each verdict was reached in it, and what the stack counted. */
void watch(void)
{
	struct maps maps;
	__u64 last[REASONS_KNOWN] = {}, last_of_stack[STACK_COUNTERS] = {}, counts[STACK_COUNTERS];
	if (!maps_open(&maps))
		fail("nothing is attached: `diverter attach IF --from CIDR`");
	for (bool first = true;; first = false) {
		struct items list = { "  ", false };
		for (__u32 reason = 0; reason < REASONS_KNOWN; reason++) {
			__u64 value = counter(&maps, reason);
			print_change(&list, reason_names[reason], first ? 0 : value - last[reason]);
			last[reason] = value;
		}
		stack_read(counts);
		for (int i = 0; i < STACK_COUNTERS; i++)
			print_change(&list, stack_counters[i].shown, first ? 0 : counts[i] - last_of_stack[i]);
		memcpy(last_of_stack, counts, sizeof(counts));
		if (!first)
			puts(list.started ? "" : print_attached(&maps, print_nothing, "") ? "no packets" : "not attached");
		fflush(stdout);
		sleep(1);
	}
}
