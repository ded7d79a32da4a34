// SPDX-License-Identifier: Apache-2.0
/*
 * Local routes make the destinations of rules this machine's own. OpenZiti puts these on the loopback interface as addresses, and
 * takes an address away with the first service that goes, whichever others have it. A route of ours beside the address's own
 * outlives it: it has another protocol, so that it is another route, and no preferred source, whose going would take it along.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diverter.h"

#define PROTOCOL 208 /* of routes that are ours: a number that nobody else has in rt_protos */

struct request {
	struct nlmsghdr header;
	struct rtmsg route;
	char attributes[64];
};

/* A request is about one prefix, in the table of this machine's own addresses. */
static struct request request(int type, int flags, const struct prefix *prefix)
{
	return (struct request){
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags },
		.route = { .rtm_family = prefix->family == 4 ? AF_INET : AF_INET6,
			   .rtm_dst_len = prefix->length,
			   .rtm_table = RT_TABLE_LOCAL,
			   .rtm_protocol = PROTOCOL,
			   .rtm_scope = RT_SCOPE_HOST,
			   .rtm_type = RTN_LOCAL },
	};
}

static void add_attribute(struct request *request, int type, const void *value, size_t size)
{
	struct rtattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), value, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + attribute->rta_len;
}

static void add_destination(struct request *request, const struct address *address)
{
	add_attribute(request, RTA_DST, address->bytes, request->route.rtm_family == AF_INET ? 4 : 16);
}

static int routes(void)
{
	static int fd = -1;
	if (fd < 0)
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		fail("cannot ask the kernel for its routes: %s", strerror(errno));
	return fd;
}

#define ANSWER 32768
/* Returns the length of one message of the kernel's. */
static ssize_t receive(char answer[ANSWER])
{
	ssize_t length = recv(routes(), answer, ANSWER, 0);
	if (length < 0)
		fail("cannot read the kernel's routes: %s", strerror(errno));
	return length;
}

/* Returns the kernel's answer: 0, or an error. */
static int ask(struct request *request, char answer[ANSWER])
{
	if (send(routes(), request, request->header.nlmsg_len, 0) < 0)
		return errno;
	receive(answer);
	struct nlmsghdr *header = (void *)answer;
	return header->nlmsg_type == NLMSG_ERROR ? -((struct nlmsgerr *)NLMSG_DATA(header))->error : 0;
}

static void change(int type, int flags, const struct prefix *prefix, int harmless, const char *what)
{
	char text[PREFIX_TEXT], answer[ANSWER] __attribute__((aligned(8)));
	unsigned loopback = if_nametoindex("lo");
	struct request asked = request(type, NLM_F_ACK | flags, prefix);
	add_destination(&asked, &prefix->address);
	add_attribute(&asked, RTA_OIF, &loopback, sizeof(loopback));
	int error = ask(&asked, answer);
	if (error && error != harmless)
		fail("cannot %s the route by which %s is this machine's own: %s", what, prefix_text(prefix, text), strerror(error));
}

static bool within(const struct prefix *prefix, const struct sockaddr *address)
{
	if (!address || address->sa_family != (prefix->family == 4 ? AF_INET : AF_INET6))
		return false;
	const __u8 *bytes = address->sa_family == AF_INET ? (const __u8 *)&((const struct sockaddr_in *)address)->sin_addr
							  : (const __u8 *)&((const struct sockaddr_in6 *)address)->sin6_addr;
	for (unsigned bit = 0; bit < prefix->length; bit++)
		if ((bytes[bit / 8] ^ prefix->address.bytes[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

/* A local route for the network that the router stands in would let it reach nobody there any more. */
bool route_is_too_wide(const struct prefix *prefix)
{
	struct ifaddrs *all;
	bool found = !prefix->length;
	if (found || prefix->length == ADDRESS_BITS(prefix->family) || getifaddrs(&all))
		return found;
	for (struct ifaddrs *one = all; one && !found; one = one->ifa_next)
		found = !(one->ifa_flags & IFF_LOOPBACK) && within(prefix, one->ifa_addr);
	freeifaddrs(all);
	return found;
}

void route_add(const struct prefix *prefix)
{
	if (!route_is_too_wide(prefix))
		change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, prefix, EEXIST, "add");
}

void route_delete(const struct prefix *prefix)
{
	if (prefix->length)
		change(RTM_DELROUTE, 0, prefix, ESRCH, "delete");
}

/* True for a route of ours in the kernel's list, with its prefix. */
static bool read_ours(const struct nlmsghdr *header, struct prefix *prefix)
{
	const struct rtmsg *route = NLMSG_DATA(header);
	if (header->nlmsg_type != RTM_NEWROUTE || route->rtm_table != RT_TABLE_LOCAL || route->rtm_protocol != PROTOCOL)
		return false;
	*prefix = (struct prefix){ .family = route->rtm_family == AF_INET ? 4 : 6, .length = route->rtm_dst_len };
	int length = RTM_PAYLOAD(header);
	for (struct rtattr *each = RTM_RTA(route); RTA_OK(each, length); each = RTA_NEXT(each, length))
		if (each->rta_type == RTA_DST && RTA_PAYLOAD(each) <= sizeof(prefix->address))
			memcpy(prefix->address.bytes, RTA_DATA(each), RTA_PAYLOAD(each));
	return true;
}

/* Lists the prefixes of our routes of a family. Returns how many. */
static unsigned list_ours(int family, struct prefix **listed)
{
	char answer[ANSWER] __attribute__((aligned(8)));
	struct request asked = request(RTM_GETROUTE, NLM_F_DUMP, &(struct prefix){ .family = family });
	unsigned count = 0;
	*listed = NULL;
	if (send(routes(), &asked, asked.header.nlmsg_len, 0) < 0)
		fail("cannot ask the kernel for its routes: %s", strerror(errno));
	for (bool more = true; more;) {
		ssize_t length = receive(answer);
		for (struct nlmsghdr *header = (void *)answer; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
			struct prefix prefix;
			if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
				more = false;
			if (!more || !read_ours(header, &prefix))
				continue;
			*listed = reallocarray(*listed, count + 1, sizeof(prefix));
			if (!*listed)
				fail("out of memory");
			(*listed)[count++] = prefix;
		}
	}
	return count;
}

void route_flush(void)
{
	for (int family = 4; family <= 6; family += 2) {
		struct prefix *listed;
		unsigned count = list_ours(family, &listed);
		for (unsigned i = 0; i < count; i++)
			route_delete(&listed[i]);
		free(listed);
	}
}

/*
 * The kernel is asked about the prefix's last address but one, as the first ones may be rules of their own; about an address that
 * nobody has if the prefix is all there is.
 */
bool route_is_local(const struct prefix *prefix)
{
	char answer[ANSWER] __attribute__((aligned(8)));
	struct prefix one = *prefix;
	if (!one.length)
		parse_prefix(one.family == 4 ? "192.0.2.0" : "2001:db8::", "32", &one);
	for (unsigned bit = one.length; bit + 1 < ADDRESS_BITS(one.family); bit++)
		one.address.bytes[bit / 8] |= 0x80 >> bit % 8;
	one.length = ADDRESS_BITS(one.family);
	struct request asked = request(RTM_GETROUTE, 0, &one);
	asked.route = (struct rtmsg){ .rtm_family = asked.route.rtm_family, .rtm_dst_len = one.length };
	add_destination(&asked, &one.address);
	return ask(&asked, answer) == 0 && ((struct rtmsg *)NLMSG_DATA(answer))->rtm_type == RTN_LOCAL;
}
