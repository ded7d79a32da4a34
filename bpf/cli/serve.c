// SPDX-License-Identifier: Apache-2.0
/* The load balancer's health check asks here, over HTTP. */
#define _GNU_SOURCE /* accept4 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diverter.h"

#define REST 1000 /* milliseconds without another rule, after which all are taken to be there */

/* True if nothing is in the way of taking the router into service. */
static bool is_settled(const struct health_options *options)
{
	return calls_age() >= REST && !router_problem(options->router);
}

/* A look that cannot be had says why and ends its process: that is another one's, as whoever asks next must be answered too. */
static enum health look(void)
{
	char text[HEALTH_TEXT];
	int status;
	pid_t child = fork();
	if (child < 0)
		return health(text);
	if (child == 0)
		exit(health(text));
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? (enum health)WEXITSTATUS(status) : UNHEALTHY;
}

/*
 * A router that has been in service stays, even if its controller is away: that hurts all routers alike, and 503 would end the
 * flows that still go on. If a service's packets are lost, no service is left, or all were forgotten, it starts over.
 */
static bool is_in_service(const struct health_options *options)
{
	static bool entered;
	static __u32 flushes;
	enum health found = look();
	bool stays = entered && found == HEALTHY && flushes == calls_flushes();
	bool good = (found == HEALTHY || (found == UNUSED && options->idle)) && (stays || is_settled(options));
	entered = found == HEALTHY && good;
	flushes = calls_flushes();
	return good;
}

/* A client that has connected has until then to ask: others must not wait for one that does not. */
#define CLIENTS 64
#define PATIENCE 1000 /* milliseconds */
struct client {
	int fd;
	__u64 until;
};

/*
 * The answer is the status and no more: anybody may ask, and the reasons name services. `diverter health` says them on the
 * router.
 */
static void answer(int client, const struct health_options *options)
{
	char request[2048];
	if (recv(client, request, sizeof(request), MSG_DONTWAIT) > 0) {
		bool good = is_in_service(options);
		const char *word = good ? "healthy" : "unhealthy";
		dprintf(client, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
			good ? "200 OK" : "503 Service Unavailable", strlen(word) + 1, word);
	}
	shutdown(client, SHUT_WR);
	close(client);
}

/* Clients that have asked are answered, and those that took too long let go. Returns how many are left, from the oldest on. */
static unsigned attend(struct client clients[], const struct pollfd polled[], unsigned count, const struct health_options *options)
{
	unsigned left = 0;
	for (unsigned i = 0; i < count; i++) {
		if (polled[i].revents || clients[i].until <= now())
			answer(clients[i].fd, options);
		else
			clients[left++] = clients[i];
	}
	return left;
}

/* A client is added, in the place of the oldest if there are too many. Returns how many there are. */
static unsigned welcome(struct client clients[], unsigned count, int fd)
{
	if (count == CLIENTS) {
		close(clients[0].fd);
		memmove(&clients[0], &clients[1], --count * sizeof(*clients));
	}
	clients[count] = (struct client){ fd, now() + PATIENCE };
	return count + 1;
}

/* The listener is at every address, IPv6 too where the kernel has it. */
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

void health_serve(const struct health_options *options)
{
	struct client clients[CLIENTS];
	unsigned count = 0;
	int listener = listen_at(options->port);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		struct pollfd polled[CLIENTS + 1];
		for (unsigned i = 0; i < count; i++)
			polled[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		polled[count] = (struct pollfd){ .fd = listener, .events = POLLIN };
		poll(polled, count + 1, count ? PATIENCE : -1);
		bool more = polled[count].revents & POLLIN;
		count = attend(clients, polled, count, options);
		int client = more ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
		if (client >= 0)
			count = welcome(clients, count, client);
	}
}
