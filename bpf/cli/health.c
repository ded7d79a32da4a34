// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diverter.h"

struct checked {
	bool seen[2][2][PORTS]; /* by family and protocol */
	struct rule dead;
	unsigned dead_count, listener_count, rule_count;
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

/* Whether any interface is; and what is in front of it there, if anything. */
static bool any_attached(const struct maps *maps, struct front *front)
{
	struct attachment attachment;
	bool found = false;
	__u32 ifindex;
	for (__u32 *at = NULL; bpf_map_get_next_key(maps->interfaces, at, &ifindex) == 0; at = &ifindex) {
		if (bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment) || !attached(ifindex, &attachment))
			continue;
		found = true;
		hook_each_front(ifindex, &attachment, note_front, front);
	}
	return found;
}

/* Whether a service's packets go astray, and why. */
static bool find_fault(const struct maps *maps, const struct checked *checked, char text[HEALTH_TEXT])
{
	if (checked->dead_count) {
		snprintf(text, HEALTH_TEXT, "%u listener%s of services %s gone, among them port %u of service %s", checked->dead_count,
			 checked->dead_count == 1 ? "" : "s", checked->dead_count == 1 ? "is" : "are", checked->dead.port,
			 checked->dead.service);
		return true;
	}
	struct rule *lost;
	char destination[PREFIX_TEXT];
	unsigned count = nonlocal(maps, &lost);
	if (count)
		snprintf(text, HEALTH_TEXT, "%u destination%s of services %s not this machine's own, among them %s of service %s: "
			 "`diverter status` says what to do", count, count == 1 ? "" : "s", count == 1 ? "is" : "are",
			 prefix_text(&lost->destination, destination), lost->service);
	free(lost);
	return count;
}

enum health health(char text[HEALTH_TEXT])
{
	static struct checked checked;
	struct maps maps;
	enum health found = UNHEALTHY;
	char name[IF_NAMESIZE];
	struct front front = {};
	bool diverts = maps_open(&maps) && any_attached(&maps, &front);
	memset(&checked, 0, sizeof(checked));
	if (diverts)
		service_each(&maps, check_rule, &checked);
	if (!diverts) {
		snprintf(text, HEALTH_TEXT, "not attached to any interface");
	} else if (front.ifindex) {
		snprintf(text, HEALTH_TEXT, "attached to %s, but behind %s %s, which sees packets before ours: `diverter status` says what to do",
			 if_indextoname(front.ifindex, name) ? name : "an interface", front.program ? "the program" : "a filter of priority 1",
			 front.program ? front.name : "of someone else");
	} else if (!find_fault(&maps, &checked, text)) {
		found = checked.rule_count ? HEALTHY : UNUSED;
		int length = snprintf(text, HEALTH_TEXT, "%s",
				      found == UNUSED ? "attached, but no service is announced: is ziti-router running, and has it services?"
				      : checked.listener_count ? "attached, and every listener is there"
							       : "attached, and no rule needs a listener");
		if (maps.calls && maps.calls->refused)
			snprintf(text + length, HEALTH_TEXT - length, "; of the router's rules %u %s refused: `diverter status` says why",
				 maps.calls->refused, maps.calls->refused == 1 ? "was" : "were");
	}
	maps_close(&maps);
	return found;
}

/* Those who have connected, and until when each may take to ask: others must not wait for one who does not. */
#define CLIENTS 64
#define PATIENCE 1000 /* milliseconds */
struct client {
	int fd;
	__u64 until;
};

static void answer(int client)
{
	char text[HEALTH_TEXT], request[2048];
	if (recv(client, request, sizeof(request), MSG_DONTWAIT) > 0) {
		bool good = health(text) == HEALTHY;
		dprintf(client, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
			good ? "200 OK" : "503 Service Unavailable", strlen(text) + 1, text);
	}
	shutdown(client, SHUT_WR);
	close(client);
}

/* Answers who has asked, lets go of who took too long. The clients that are left, from the oldest. */
static unsigned attend(struct client clients[], const struct pollfd polled[], unsigned count)
{
	unsigned left = 0;
	for (unsigned i = 0; i < count; i++) {
		if (polled[i].revents || clients[i].until <= now())
			answer(clients[i].fd);
		else
			clients[left++] = clients[i];
	}
	return left;
}

/* One more, in the place of the oldest if there are too many. */
static unsigned welcome(struct client clients[], unsigned count, int fd)
{
	if (count == CLIENTS) {
		close(clients[0].fd);
		memmove(&clients[0], &clients[1], --count * sizeof(*clients));
	}
	clients[count] = (struct client){ fd, now() + PATIENCE };
	return count + 1;
}

/* On every address, IPv6 too where the kernel has it. */
static int listen_at(unsigned port)
{
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT };
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, off = 0, type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, listener = socket(AF_INET6, type, 0);
	bool six = listener >= 0;
	if (!six)
		listener = socket(AF_INET, type, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (six)
		setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if ((six ? bind(listener, (struct sockaddr *)&any6, sizeof(any6)) : bind(listener, (struct sockaddr *)&any, sizeof(any))) ||
	    listen(listener, CLIENTS))
		fail("health --port %u: cannot listen there: %s", port, strerror(errno));
	return listener;
}

void health_serve(unsigned port)
{
	struct client clients[CLIENTS];
	unsigned count = 0;
	int listener = listen_at(port);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		struct pollfd polled[CLIENTS + 1];
		for (unsigned i = 0; i < count; i++)
			polled[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		polled[count] = (struct pollfd){ .fd = listener, .events = POLLIN };
		poll(polled, count + 1, count ? PATIENCE : -1);
		bool more = polled[count].revents & POLLIN;
		count = attend(clients, polled, count);
		int client = more ? accept(listener, NULL, NULL) : -1;
		if (client >= 0)
			count = welcome(clients, count, client);
	}
}
