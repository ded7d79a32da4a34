// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "configure.h"
#include "diverter.h"

static bool binds_health_checks(const struct node *server)
{
	const struct node *apis = node_get_sequence(server, "apis");
	for (size_t i = 0; apis && i < apis->count; i++) {
		const struct node *binding = node_get(apis->children[i], "binding");
		if (binding && node_is(binding, "health-checks"))
			return true;
	}
	return false;
}

static bool is_at(const struct node *server, unsigned port, bool outside)
{
	char end[16];
	size_t length = snprintf(end, sizeof(end), ":%u", port);
	const struct node *points = node_get_sequence(server, "bindPoints");
	for (size_t i = 0; points && i < points->count; i++) {
		const struct node *interface = node_get(points->children[i], "interface");
		const char *at = interface && interface->kind == SCALAR ? interface->value : "";
		bool inside = strncmp(at, "127.", 4) == 0 || strncmp(at, "localhost:", 10) == 0 || strncmp(at, "[::1]:", 6) == 0;
		if (strlen(at) >= length && strcmp(at + strlen(at) - length, end) == 0 && !(outside && inside))
			return true;
	}
	return false;
}

void configure_check(const char *file, unsigned port, bool outside)
{
	wanted.file = file;
	struct text text = read_file(file);
	const struct node *web = node_get_sequence(read_text(&text), "web");
	for (size_t i = 0; web && i < web->count; i++)
		if (binds_health_checks(web->children[i]) && is_at(web->children[i], port, outside))
			return;
	fail("%s: it has no health checks on port %u%s. Add these lines%s, and start ziti-router again:\n%s"
	     "  - name: health-checks\n"
	     "    bindPoints:\n"
	     "      - interface: %s:%u\n"
	     "        address: 127.0.0.1:%u\n"
	     "    apis:\n"
	     "      - binding: health-checks",
	     file, port, outside ? " for a load balancer" : "", web ? " below its web:" : "", web ? "" : "web:\n",
	     outside ? "0.0.0.0" : "127.0.0.1", port, port);
}
