// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diverter.h"

struct checked {
	bool seen[2][2][PORTS]; /* by family and protocol */
	struct rule dead;
	unsigned dead_count, listener_count, rule_count;
	unsigned off_count; /* destinations that go with IPv6 where that is turned off as a whole */
};

static void check_rule(const struct rule *rule, void *context)
{
	struct checked *checked = context;
	checked->rule_count++;
	bool *seen = &checked->seen[rule->destination.family == 6][rule->protocol == IPPROTO_UDP][rule->port];
	if (!rule->port || *seen)
		return;
	*seen = true;
	checked->listener_count++;
	if (listener_present(rule->destination.family, rule->protocol, rule->port))
		return;
	checked->dead = *rule;
	checked->dead_count++;
}

static void note_front(const struct front *front, void *context)
{
	*(struct front *)context = *front;
}

/* An obstacle is what is wrong with an interface that is attached. */
struct obstacle {
	struct front front;  /* sees packets before ours, unless its ifindex is 0 */
	const char *merging; /* the offload that merges datagrams, NULL for none */
	char name[IF_NAMESIZE];
};

/* True if any interface is attached. */
static bool any_attached(const struct maps *maps, struct obstacle *obstacle)
{
	struct attachment attachment;
	bool found = false;
	__u32 ifindex;
	for (__u32 *at = NULL; bpf_map_get_next_key(maps->interfaces, at, &ifindex) == 0; at = &ifindex) {
		if (bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment) || !attached(ifindex, &attachment))
			continue;
		found = true;
		hook_each_front(ifindex, &attachment, note_front, &obstacle->front);
		if (obstacle->merging || !if_indextoname(ifindex, obstacle->name))
			continue;
		for (int i = 0; i < MERGING_OFFLOADS && !obstacle->merging; i++)
			if (offload_is_on(obstacle->name, merging_offloads[i]))
				obstacle->merging = merging_offloads[i];
	}
	return found;
}

/* Returns how many destinations could be this machine's own, and are not. The first of them is copied. */
static unsigned check_destinations(const struct maps *maps, struct checked *checked, struct rule *first)
{
	struct rule *lost;
	unsigned count = nonlocal(maps, &lost), found = 0;
	bool is_off = count && ipv6_is_off();
	for (unsigned i = 0; i < count; i++)
		if (is_off && lost[i].destination.family == 6)
			checked->off_count++;
		else if (!found++)
			*first = lost[i];
	free(lost);
	return found;
}

/* True if a service's packets are lost, with `text` saying why. */
static bool find_fault(const struct maps *maps, struct checked *checked, char text[HEALTH_TEXT])
{
	if (checked->dead_count) {
		snprintf(text, HEALTH_TEXT, "%u listener%s of services %s gone, among them port %u of service %s", checked->dead_count,
			 checked->dead_count == 1 ? "" : "s", checked->dead_count == 1 ? "is" : "are", checked->dead.port,
			 checked->dead.service);
		return true;
	}
	struct rule lost;
	char destination[PREFIX_TEXT];
	unsigned count = check_destinations(maps, checked, &lost);
	if (count)
		snprintf(text, HEALTH_TEXT, "%u destination%s of services %s not this machine's own, among them %s of service %s: "
			 "`diverter status` says what to do", count, count == 1 ? "" : "s", count == 1 ? "is" : "are",
			 prefix_text(&lost.destination, destination), lost.service);
	return count;
}

enum health health(char text[HEALTH_TEXT])
{
	static struct checked checked;
	struct maps maps;
	enum health found = UNHEALTHY;
	char name[IF_NAMESIZE];
	struct obstacle obstacle = {};
	const char *problem;
	const struct front *front = &obstacle.front;
	bool diverts = maps_open(&maps) && any_attached(&maps, &obstacle);
	memset(&checked, 0, sizeof(checked));
	if (diverts)
		rules_each(&maps, check_rule, &checked);
	if (!diverts) {
		snprintf(text, HEALTH_TEXT, "not attached to any interface");
	} else if (front->ifindex) {
		snprintf(text, HEALTH_TEXT, "attached to %s, but behind %s %s, which sees packets before ours: `diverter status` says what to do",
			 if_indextoname(front->ifindex, name) ? name : "an interface", front->program ? "the program" : "a filter of priority 1",
			 front->program ? front->name : "of someone else");
	} else if (obstacle.merging) {
		snprintf(text, HEALTH_TEXT, "attached to %s, where %s is on, which merges GENEVE's datagrams, and loses them: `diverter "
			 "status` says what to do", obstacle.name, obstacle.merging);
	} else if ((problem = reply_device_problem(&maps))) {
		snprintf(text, HEALTH_TEXT, "attached, but answers depend on this machine's routes: %s: `diverter status` says what to do", problem);
	} else if (!find_fault(&maps, &checked, text)) {
		found = checked.rule_count ? HEALTHY : UNUSED;
		int length = snprintf(text, HEALTH_TEXT, "%s",
				      found == UNUSED ? "attached, but no service is announced: is ziti-router running, and has it services?"
				      : checked.listener_count ? "attached, and every listener is there"
							       : "attached, and no rule needs a listener");
		if (checked.off_count)
			length += snprintf(text + length, HEALTH_TEXT - length,
					   "; IPv6 is turned off here, and %u destination%s of it %s no packet: `diverter status` says which",
					   checked.off_count, checked.off_count == 1 ? "" : "s", checked.off_count == 1 ? "gets" : "get");
		if (maps.calls && maps.calls->refused)
			snprintf(text + length, HEALTH_TEXT - length, "; of the router's rules %u %s refused: `diverter status` says why",
				 maps.calls->refused, maps.calls->refused == 1 ? "was" : "were");
	}
	maps_close(&maps);
	return found;
}

enum health health_asked(const struct health_options *options, char text[HEALTH_TEXT])
{
	enum health found = health(text);
	if (found == UNUSED && options->idle)
		found = HEALTHY;
	const char *problem = found == HEALTHY ? router_problem(options->router) : NULL;
	if (problem)
		snprintf(text, HEALTH_TEXT, "%s", problem);
	return problem ? UNHEALTHY : found;
}
