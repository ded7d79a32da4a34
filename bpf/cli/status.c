// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "diverter.h"

/* Returns how many rules were refused. `calls` is a copy, as without the lock another command may write there meanwhile. */
static unsigned read_refused(const struct maps *maps, struct calls *calls)
{
	*calls = maps->calls ? *maps->calls : (struct calls){};
	calls->refusal[sizeof(calls->refusal) - 1] = 0;
	make_printable(calls->refusal);
	return calls->refused;
}

static void print_refused_json(const struct maps *maps)
{
	struct calls calls;
	printf("{\"count\":%u,\"last\":", read_refused(maps, &calls));
	if (calls.refused)
		print_json_string(calls.refusal);
	else
		printf("null");
	putchar('}');
}

static void print_refused_text(const struct maps *maps)
{
	struct calls calls;
	if (read_refused(maps, &calls))
		printf("refused   %u rule%s, the last: %s\n", calls.refused, calls.refused == 1 ? "" : "s", calls.refusal);
}

static void print_nonlocal_json(const struct maps *maps)
{
	struct items list = { ",", false };
	char text[PREFIX_TEXT];
	struct rule *lost;
	unsigned count = nonlocal(maps, &lost);
	for (unsigned i = 0; i < count; i++) {
		items_next(&list);
		printf("\"%s\"", prefix_text(&lost[i].destination, text));
	}
	free(lost);
}

static void print_nonlocal_text(const struct maps *maps)
{
	char text[PREFIX_TEXT];
	struct rule *lost;
	unsigned count = nonlocal(maps, &lost);
	const char *obstacle = count ? ipv6_obstacle() : NULL;
	for (unsigned i = 0; i < count; i++) {
		const struct prefix *destination = &lost[i].destination;
		bool too_wide = route_is_too_wide(destination);
		bool is_refused = !too_wide && destination->family == 6 && obstacle;
		printf("%s %s of service %s: the stack drops what is diverted there%s%s\n", too_wide ? "too wide " : "not local",
		       prefix_text(destination, text), lost[i].service,
		       too_wide	    ? ", and no route of ours takes all there is, or the router's own network"
		       : is_refused ? ", and takes no route of ours: "
				    : ": attach again, which gives it its route",
		       is_refused ? obstacle : "");
	}
	free(lost);
}

static void print_gro_json(void)
{
	const char *problem = gro_problem();
	printf("{\"device\":%s,\"problem\":", problem ? "null" : "\"" GRO_DEVICE "\"");
	if (problem)
		print_json_string(problem);
	else
		printf("null");
	putchar('}');
}

static void print_gro_text(void)
{
	const char *problem = gro_problem();
	printf("gro       %s%s\n", problem ? "inner TCP comes unmerged: " : "inner TCP comes merged, by " GRO_DEVICE, problem ? problem : "");
}

static void print_replies_json(const struct maps *maps)
{
	struct settings settings;
	const char *problem = reply_device_problem(maps);
	printf("{\"device\":%s,\"problem\":", reply_device_is_needed(maps, &settings) ? "\"" REPLY_DEVICE "\"" : "null");
	if (problem)
		print_json_string(problem);
	else
		printf("null");
	putchar('}');
}

static void print_replies_text(const struct maps *maps)
{
	struct settings settings;
	const char *problem = reply_device_problem(maps);
	if (problem)
		printf("replies   not by " REPLY_DEVICE ": %s: attach again, which puts it right\n", problem);
	else if (reply_device_is_needed(maps, &settings))
		printf("replies   by " REPLY_DEVICE "\n");
}

static void print_json(const struct maps *maps, bool open, unsigned rules)
{
	printf("{\"version\":\"" VERSION "\",\"attached\":[");
	print_attached(maps, print_attached_json, ",");
	printf("],\"gro\":");
	print_gro_json();
	printf(",\"replies\":");
	print_replies_json(maps);
	printf(",\"strays\":[");
	each_stray(maps, print_stray_json, &(struct items){ ",", false });
	printf("],\"services\":%u,\"nonlocal\":[", rules);
	if (open)
		print_nonlocal_json(maps);
	printf("],\"refused\":");
	print_refused_json(maps);
	printf(",\"counters\":{");
	struct items list = { ",", false };
	for (__u32 verdict = 0; verdict < VERDICTS_KNOWN; verdict++) {
		items_next(&list);
		printf("\"%s\":%llu", verdict_names[verdict], (unsigned long long)counter(maps, verdict));
	}
	printf("},\"stack\":{");
	__u64 counts[STACK_COUNTERS];
	stack_read(counts);
	list.started = false;
	for (int i = 0; i < STACK_COUNTERS; i++) {
		items_next(&list);
		printf("\"%s\":%llu", stack_counters[i].shown, (unsigned long long)counts[i]);
	}
	printf("}}\n");
}

static void print_count(unsigned long long value, const char *name, const char *meaning)
{
	if (value)
		printf("%12llu  %-24s %s\n", value, name, meaning);
}

static void print_text(const struct maps *maps, bool open, unsigned rules)
{
	bool attached = print_attached(maps, print_attached_text, "\n");
	puts(attached ? "" : "not attached");
	if (attached)
		print_gro_text();
	if (attached)
		print_replies_text(maps);
	each_stray(maps, print_stray_text, NULL);
	printf("services  %u\n", rules);
	if (open)
		print_nonlocal_text(maps);
	print_refused_text(maps);
	for (__u32 verdict = 0; verdict < VERDICTS_KNOWN; verdict++)
		print_count(counter(maps, verdict), verdict_names[verdict], verdict_meanings[verdict]);
	__u64 counts[STACK_COUNTERS];
	stack_read(counts);
	puts("stack     counted by the kernel since the machine's start, of all packets:");
	for (int i = 0; i < STACK_COUNTERS; i++)
		print_count(counts[i], stack_counters[i].shown, stack_counters[i].meaning);
}

void status_print(bool json)
{
	struct maps maps;
	bool open = maps_open(&maps);
	unsigned rules = open ? rules_count(&maps) : 0;
	(json ? print_json : print_text)(&maps, open, rules);
}
