/*
 * One Gateway Load Balancer node, in user space. It owns the network namespace it is started in (its interface and
 * address are put there from outside), holds a TUN for each of its endpoints in that endpoint's VPC namespace, and
 * carries what is routed into an endpoint to a target as GENEVE, and what the target sends back into the endpoint.
 *
 * Told what to do by lines on stdin, each answered by one line on stdout, `ok ...` or `error ...`; ends with its stdin.
 *   endpoint add ID DEVICE NETNS    ID: 16 hexadecimal digits; NETNS: a path such as /proc/1/ns/net
 *   endpoint remove ID
 *   endpoint stats ID               its packets that were sent to targets, and that came back, as JSON
 *   targets IP=STATE ...            STATE: healthy, unhealthy or draining. The whole list each time.
 *   policy TUPLE FAILOVER RESET TCP OTHER
 *                                   TUPLE: 5, 3 or 2; FAILOVER: rebalance or no_rebalance; RESET: no_reset, unhealthy,
 *                                   deregistered or unhealthy+deregistered; idle milliseconds
 *   stats                           counters, as JSON
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "gwlb.h"

int main(void)
{
	static uint8_t buffer[OUTER_SIZE + 65536], *const packet = buffer + OUTER_SIZE;
	enum { ROOM = sizeof buffer - OUTER_SIZE, BURST = 64 };
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(GENEVE_PORT) };

	/* A raw sender, since each flow has a source port of its own and the checksum is 0, as RFC 8926 lets it be. */
	int sender = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
	int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sender < 0 || receiver < 0 || bind(receiver, (void *)&any, sizeof any) < 0) {
		answer("error sockets: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	answer("ok");

	for (;;) {
		struct pollfd ready[2 + MAX_ENDPOINTS] = { { STDIN_FILENO, POLLIN, 0 }, { receiver, POLLIN, 0 } };
		for (size_t i = 0; i < endpoint_count; i++)
			ready[2 + i] = (struct pollfd) { endpoints[i].tun, POLLIN, 0 };
		size_t polled = endpoint_count;
		if (poll(ready, 2 + polled, -1) < 0)
			return EXIT_FAILURE;
		for (size_t i = 0; i < polled; i++) {
			ssize_t size;
			for (int n = 0; ready[2 + i].revents && n < BURST &&
			     (size = read(endpoints[i].tun, packet, ROOM)) > 0; n++)
				forward(sender, &endpoints[i], packet, size);
		}
		for (int n = 0; ready[1].revents && n < BURST; n++) {
			struct sockaddr_in from;
			socklen_t length = sizeof from;
			ssize_t size = recvfrom(receiver, packet, ROOM, 0, (void *)&from, &length);
			if (size < 0)
				break;
			take_back(from.sin_addr.s_addr, packet, size);
		}
		/* Last: it may change the list of endpoints. */
		if (ready[0].revents && !obey())
			return EXIT_SUCCESS;
	}
}
