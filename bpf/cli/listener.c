// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diverter.h"

/*
 * A socket is bound there: without SO_REUSEADDR that is refused as long as someone has the address. A listener that is bound to
 * every address counts as well; only the program in the kernel, which sees the packet, is stricter.
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

/* OpenZiti listens on IPv4's loopback address for IPv6 too: nothing arrives there, but the rule's service is alive. */
bool listener_present(int family, unsigned protocol, unsigned port)
{
	return is_taken(family, protocol, port) || (family == 6 && is_taken(4, protocol, port));
}
