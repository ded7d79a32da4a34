// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diverter.h"

static const char *const reason_names[] = {
#define X(constant, name, meaning) #name,
	REASONS(X)
#undef X
};
static const char *const reason_meanings[] = {
#define X(constant, name, meaning) meaning,
	REASONS(X)
#undef X
};

static __u64 counter(const struct maps *maps, __u32 reason)
{
	int cpus = libbpf_num_possible_cpus();
	__u64 values[cpus], sum = 0;
	if (bpf_map_lookup_elem(maps->counters, &reason, values))
		return 0;
	for (int i = 0; i < cpus; i++)
		sum += values[i];
	return sum;
}

/* Writes its items one after the other, with `between` between them. */
struct list {
	const char *between;
	bool started;
};
static void next(struct list *list)
{
	if (list->started)
		fputs(list->between, stdout);
	list->started = true;
}

static void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			printf("%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	}
	putchar('"');
}

static void print_prefixes(const struct prefix4 *prefixes, __u32 count, const char *before, const char *between, const char *after)
{
	struct list list = { between, false };
	char text[PREFIX_TEXT];
	for (__u32 i = 0; i < count; i++) {
		struct prefix prefix = { .family = 4, .length = __builtin_popcount(prefixes[i].mask) };
		memcpy(prefix.address.bytes, &prefixes[i].address, sizeof(prefixes[i].address));
		next(&list);
		printf("%s%s%s", before, prefix_text(&prefix, text), after);
	}
}

static const char *reply_name(const struct settings *settings)
{
	return settings->reply == REPLY_GENEVE ? "geneve" : "direct";
}

/* An interface that is attached, and where. */
struct shown {
	unsigned ifindex;
	const char *name;
	const struct attachment *attachment;
	enum hook hook;
};

static const char *const hook_names[] = { [HOOK_TCX] = "tcx", [HOOK_CLSACT] = "clsact" };

static void print_front_json(const struct front *front, void *context)
{
	next(context);
	printf("{\"side\":\"%s\",\"kind\":\"%s\"", front->side, front->program ? "tcx" : "filter");
	if (front->program) {
		printf(",\"id\":%u,\"name\":", front->program);
		print_json_string(front->name);
	}
	putchar('}');
}

static void print_front_text(const struct front *front, void *context)
{
	const char *name = context;
	if (front->program)
		printf("\nin front  %s: the program %s (id %u) of tcx %s sees packets before ours: attach again, which puts ours first",
		       name, front->name, front->program, front->side);
	else
		printf("\nin front  %s: a filter of priority %d sees packets before ours: `tc filter show dev %s %s`; give it a later one",
		       name, FILTER_PRIORITY, name, front->side);
}

static void print_attached_json(const struct shown *shown)
{
	const struct settings *settings = &shown->attachment->settings;
	printf("{\"interface\":");
	print_json_string(shown->name);
	printf(",\"from\":[");
	print_prefixes(settings->from, settings->from_count, "\"", ",", "\"");
	printf("],\"plain\":[");
	print_prefixes(settings->plain, settings->plain_count, "\"", ",", "\"");
	printf("],\"reply\":\"%s\",\"hook\":\"%s\",\"inFront\":[", reply_name(settings), hook_names[shown->hook]);
	hook_each_front(shown->ifindex, shown->attachment, print_front_json, &(struct list){ ",", false });
	printf("]}");
}

/* As `attach` was told. */
static void print_attached_text(const struct shown *shown)
{
	const struct settings *settings = &shown->attachment->settings;
	printf("attached  %s", shown->name);
	print_prefixes(settings->from, settings->from_count, " --from ", "", "");
	print_prefixes(settings->plain, settings->plain_count, " --plain ", "", "");
	printf(" --reply %s\nhook      %s: %s", reply_name(settings), shown->name, hook_names[shown->hook]);
	hook_each_front(shown->ifindex, shown->attachment, print_front_text, (void *)shown->name);
}

/* Whether any interface is attached. */
static bool print_attached(const struct maps *maps, void (*print)(const struct shown *shown), const char *between)
{
	struct list list = { between, false };
	struct attachment attachment;
	char name[IF_NAMESIZE];
	for (__u32 ifindex, *at = NULL; bpf_map_get_next_key(maps->interfaces, at, &ifindex) == 0; at = &ifindex) {
		if (bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment) || !if_indextoname(ifindex, name))
			continue;
		struct shown shown = { ifindex, name, &attachment, attached(ifindex, &attachment) };
		if (!shown.hook)
			continue;
		next(&list);
		print(&shown);
	}
	return list.started;
}

/* Each interface with programs of ours that are not those noted: one is gone, or they are of other maps. */
static void each_stray(const struct maps *maps, void (*each)(const char *name, void *context), void *context)
{
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *one = all; one && one->if_index; one++) {
		struct attachment attachment = {};
		bpf_map_lookup_elem(maps->interfaces, &one->if_index, &attachment);
		if (hook_any(one->if_index) && !attached(one->if_index, &attachment))
			each(one->if_name, context);
	}
	if_freenameindex(all);
}

static void print_stray_json(const char *name, void *context)
{
	next(context);
	print_json_string(name);
}

static void print_stray_text(const char *name, void *context)
{
	(void)context;
	printf("stray     %s: diverts, but not as noted here: attach it again, or `diverter detach %s`\n", name, name);
}

/* How many rules were refused. A copy: without the lock it may be another's before we are through. */
static unsigned read_refused(const struct maps *maps, struct calls *calls)
{
	*calls = maps->calls ? *maps->calls : (struct calls){};
	calls->refusal[sizeof(calls->refusal) - 1] = 0;
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
	struct list list = { ",", false };
	char text[PREFIX_TEXT];
	struct rule *lost;
	unsigned count = nonlocal(maps, &lost);
	for (unsigned i = 0; i < count; i++) {
		next(&list);
		printf("\"%s\"", prefix_text(&lost[i].destination, text));
	}
	free(lost);
}

static void print_nonlocal_text(const struct maps *maps)
{
	char text[PREFIX_TEXT];
	struct rule *lost;
	unsigned count = nonlocal(maps, &lost);
	for (unsigned i = 0; i < count; i++)
		printf("%s %s of service %s: the stack drops what is diverted there%s\n",
		       route_is_too_wide(&lost[i].destination) ? "too wide " : "not local", prefix_text(&lost[i].destination, text),
		       lost[i].service,
		       route_is_too_wide(&lost[i].destination) ? ", and no route of ours takes all there is, or the router's own network"
							       : ": attach again, which gives it its route");
	free(lost);
}

static void print_json(const struct maps *maps, bool open, unsigned services)
{
	printf("{\"version\":\"" VERSION "\",\"attached\":[");
	print_attached(maps, print_attached_json, ",");
	printf("],\"strays\":[");
	each_stray(maps, print_stray_json, &(struct list){ ",", false });
	printf("],\"services\":%u,\"nonlocal\":[", services);
	if (open)
		print_nonlocal_json(maps);
	printf("],\"refused\":");
	print_refused_json(maps);
	printf(",\"counters\":{");
	struct list list = { ",", false };
	for (__u32 reason = 0; reason < REASONS_KNOWN; reason++) {
		next(&list);
		printf("\"%s\":%llu", reason_names[reason], (unsigned long long)counter(maps, reason));
	}
	printf("},\"stack\":{");
	__u64 counts[STACK_COUNTERS];
	stack_read(counts);
	list.started = false;
	for (int i = 0; i < STACK_COUNTERS; i++) {
		next(&list);
		printf("\"%s\":%llu", stack_counters[i].shown, (unsigned long long)counts[i]);
	}
	printf("}}\n");
}

static void print_count(unsigned long long value, const char *name, const char *meaning)
{
	if (value)
		printf("%12llu  %-24s %s\n", value, name, meaning);
}

static void print_text(const struct maps *maps, bool open, unsigned services)
{
	if (!print_attached(maps, print_attached_text, "\n"))
		printf("not attached");
	putchar('\n');
	each_stray(maps, print_stray_text, NULL);
	printf("services  %u\n", services);
	if (open)
		print_nonlocal_text(maps);
	print_refused_text(maps);
	for (__u32 reason = 0; reason < REASONS_KNOWN; reason++)
		print_count(counter(maps, reason), reason_names[reason], reason_meanings[reason]);
	__u64 counts[STACK_COUNTERS];
	stack_read(counts);
	puts("stack     counted by the kernel since the machine's start, of all packets:");
	for (int i = 0; i < STACK_COUNTERS; i++)
		print_count(counts[i], stack_counters[i].shown, stack_counters[i].meaning);
}

void status_print(bool json)
{
	struct maps maps;
	unsigned services = 0;
	bool open = maps_open(&maps);
	if (open)
		service_each(&maps, count_rule, &services);
	(json ? print_json : print_text)(&maps, open, services);
}

static void print_rule_json(const struct rule *rule, void *context)
{
	char destination[PREFIX_TEXT], source[PREFIX_TEXT], interface[IF_NAMESIZE];
	next(context);
	printf("{\"service\":");
	print_json_string(rule->service);
	printf(",\"protocol\":\"%s\",\"destination\":\"%s\",\"source\":\"%s\",\"low\":%u,\"high\":%u,\"listener\":%u,\"interface\":",
	       rule->protocol == IPPROTO_TCP ? "tcp" : "udp", prefix_text(&rule->destination, destination),
	       prefix_text(&rule->source, source), rule->low, rule->high, rule->port);
	if (rule->ifindex)
		print_json_string(if_indextoname(rule->ifindex, interface) ? interface : "(gone)");
	else
		printf("null");
	putchar('}');
}

static void print_rule_text(const struct rule *rule, void *context)
{
	(void)context;
	rule_print(rule);
}

void services_print(bool json)
{
	struct list list = { ",", false };
	struct maps maps;
	bool open = maps_open(&maps);
	if (json)
		putchar('[');
	if (open)
		service_each(&maps, json ? print_rule_json : print_rule_text, &list);
	if (json)
		puts("]");
}

static void print_nothing(const struct shown *shown)
{
	(void)shown;
}

static void print_change(struct list *list, const char *name, __u64 change)
{
	if (!change)
		return;
	next(list);
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
		struct list list = { "  ", false };
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
