// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diverter.h"

/*
 * Asked by binding there: without SO_REUSEADDR this is refused as long as someone has the address. What is bound to every
 * address counts as well; only the kernel side, which sees the packet, is stricter.
 */
static bool is_taken(int family, unsigned protocol, unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 address6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	int fd = socket(family == 4 ? AF_INET : AF_INET6, (protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool taken = family == 4 ? bind(fd, (struct sockaddr *)&address, sizeof(address)) && errno == EADDRINUSE
				 : bind(fd, (struct sockaddr *)&address6, sizeof(address6)) && errno == EADDRINUSE;
	close(fd);
	return taken;
}

/* Also of a rule for IPv6, which OpenZiti listens for on IPv4's address: nothing arrives there, but its service is alive. */
bool listener_present(int family, unsigned protocol, unsigned port)
{
	return is_taken(family, protocol, port) || (family == 6 && is_taken(4, protocol, port));
}
