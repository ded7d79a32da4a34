// SPDX-License-Identifier: Apache-2.0
/* The kernel's stack counts what it made of packets, ours and all others of this network namespace, since the start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diverter.h"

const struct stack_counter stack_counters[STACK_COUNTERS] = {
#define X(group, name, meaning) { #group, #name, #group #name, meaning },
	STACK(X)
#undef X
	{ NULL, "in_martian_src", "rt_cache.in_martian_src",
	  "source is an address of this machine, or of nobody (counted for all network namespaces)" },
};

static FILE *open_table(const char *path)
{
	FILE *table = fopen(path, "re");
	if (!table)
		fail("cannot read what the stack counts, %s", path);
	return table;
}

/* A line of names has a line of values behind it. Both begin with their group and a colon. */
static void read_pair(char *names, char *values, __u64 counts[STACK_COUNTERS])
{
	char *at_name, *at_value;
	const char *group = strtok_r(names, ": \n", &at_name);
	strtok_r(values, ": \n", &at_value);
	for (;;) {
		const char *name = strtok_r(NULL, " \n", &at_name), *value = strtok_r(NULL, " \n", &at_value);
		if (!group || !name || !value)
			return;
		for (int i = 0; i < STACK_COUNTERS; i++)
			if (stack_counters[i].group && strcmp(stack_counters[i].group, group) == 0 &&
			    strcmp(stack_counters[i].name, name) == 0)
				counts[i] = strtoull(value, NULL, 10);
	}
}

static void read_pairs(const char *path, __u64 counts[STACK_COUNTERS])
{
	static char names[8192], values[8192];
	FILE *table = open_table(path);
	while (fgets(names, sizeof(names), table) && fgets(values, sizeof(values), table))
		read_pair(names, values, counts);
	fclose(table);
}

/* Returns the sum of a column of hexadecimal numbers, one for each processor. */
static __u64 read_column(const char *path, const char *name)
{
	char line[1024], *at;
	FILE *table = open_table(path);
	int column = -1, i = 0;
	__u64 sum = 0;
	for (char *word = fgets(line, sizeof(line), table) ? strtok_r(line, " \n", &at) : NULL; word; word = strtok_r(NULL, " \n", &at), i++)
		if (strcmp(word, name) == 0)
			column = i;
	while (fgets(line, sizeof(line), table)) {
		i = 0;
		for (char *word = strtok_r(line, " \n", &at); word; word = strtok_r(NULL, " \n", &at), i++)
			if (i == column)
				sum += strtoull(word, NULL, 16);
	}
	fclose(table);
	return sum;
}

void stack_read(__u64 counts[STACK_COUNTERS])
{
	memset(counts, 0, STACK_COUNTERS * sizeof(*counts));
	read_pairs("/proc/net/snmp", counts);
	read_pairs("/proc/net/netstat", counts);
	counts[STACK_COUNTERS - 1] = read_column("/proc/net/stat/rt_cache", stack_counters[STACK_COUNTERS - 1].name);
}
