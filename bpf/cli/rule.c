// SPDX-License-Identifier: Apache-2.0
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include "diverter.h"

void rule_print(const struct rule *rule)
{
	char destination[PREFIX_TEXT], source[PREFIX_TEXT], interface[IF_NAMESIZE] = "";
	printf("%s %s ports %u-%u from %s", rule->protocol == IPPROTO_TCP ? "tcp" : "udp",
	       prefix_text(&rule->destination, destination), rule->low, rule->high, prefix_text(&rule->source, source));
	if (rule->ifindex)
		printf(" on %s", if_indextoname(rule->ifindex, interface) ? interface : "an interface that is gone");
	if (rule->service[0])
		printf(" to port %u of service %s", rule->port, rule->service);
	putchar('\n');
}
