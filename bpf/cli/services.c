// SPDX-License-Identifier: Apache-2.0
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include "diverter.h"

static void print_rule_json(const struct rule *rule, void *context)
{
	char destination[PREFIX_TEXT], source[PREFIX_TEXT], interface[IF_NAMESIZE];
	items_next(context);
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
	struct items list = { ",", false };
	struct maps maps;
	bool open = maps_open(&maps);
	if (json)
		putchar('[');
	if (open)
		rules_each(&maps, json ? print_rule_json : print_rule_text, &list);
	if (json)
		puts("]");
}
