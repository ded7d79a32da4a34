// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diverter.h"

struct checked {
	bool seen[2][2][PORTS]; /* by family and protocol */
	struct rule dead;
	unsigned dead_count, listener_count;
};

static void check_listener(const struct rule *rule, void *context)
{
	struct checked *checked = context;
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

static bool any_attached(const struct maps *maps)
{
	__u32 ifindex;
	for (__u32 *at = NULL; bpf_map_get_next_key(maps->interfaces, at, &ifindex) == 0; at = &ifindex)
		if (filter_attached(ifindex))
			return true;
	return false;
}

enum health health(char text[HEALTH_TEXT])
{
	static struct checked checked;
	struct maps maps;
	bool attached = maps_open(&maps) && any_attached(&maps);
	memset(&checked, 0, sizeof(checked));
	if (attached)
		service_each(&maps, check_listener, &checked);
	maps_close(&maps);

	if (!attached) {
		snprintf(text, HEALTH_TEXT, "not attached to any interface");
		return UNHEALTHY;
	}
	if (checked.dead_count) {
		snprintf(text, HEALTH_TEXT, "%u listeners of services are gone, among them port %u of service %s", checked.dead_count,
			 checked.dead.port, checked.dead.service);
		return UNHEALTHY;
	}
	if (!checked.listener_count) {
		snprintf(text, HEALTH_TEXT, "attached, but no service is announced: is ziti-router running, and has it services?");
		return UNUSED;
	}
	snprintf(text, HEALTH_TEXT, "attached, and every listener is there");
	return HEALTHY;
}

/* One request at a time, each with a second to be made: a health check is small, and there are few. */
static void answer(int client)
{
	struct timeval limit = { .tv_sec = 1 };
	char text[HEALTH_TEXT], request[2048];
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (recv(client, request, sizeof(request), 0) > 0) {
		bool good = health(text) == HEALTHY;
		dprintf(client, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
			good ? "200 OK" : "503 Service Unavailable", strlen(text) + 1, text);
	}
	shutdown(client, SHUT_WR);
	close(client);
}

void health_serve(unsigned port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT };
	int on = 1, off = 0, listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	signal(SIGPIPE, SIG_IGN);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 64))
		fail("health --port %u: cannot listen there: %s", port, strerror(errno));
	for (;;) {
		int client = accept(listener, NULL, NULL);
		if (client >= 0)
			answer(client);
	}
}
