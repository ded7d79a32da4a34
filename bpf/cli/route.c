// SPDX-License-Identifier: Apache-2.0
/*
 * Local routes make the destinations of rules this machine's own. OpenZiti puts these on the loopback interface as addresses, and
 * takes an address away with the first service that goes, whichever others have it. A route of ours beside the address's own
 * outlives it: it has another protocol, so that it is another route, and no preferred source, whose going would take it along.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "diverter.h"
#include "netlink.h"

#define PROTOCOL 208 /* of routes that are ours: a number that nobody else has in rt_protos */

/* A message is about one prefix, in the table of this machine's own addresses. */
static struct netlink_message route_message(int type, int flags, const struct prefix *prefix)
{
	struct netlink_message message = netlink_message(type, flags, sizeof(message.route));
	message.route = (struct rtmsg){ .rtm_family = prefix->family == 4 ? AF_INET : AF_INET6,
					.rtm_dst_len = prefix->length,
					.rtm_table = RT_TABLE_LOCAL,
					.rtm_protocol = PROTOCOL,
					.rtm_scope = RT_SCOPE_HOST,
					.rtm_type = RTN_LOCAL };
	return message;
}

static void add_destination(struct netlink_message *message, const struct prefix *prefix)
{
	netlink_add(message, RTA_DST, prefix->address.bytes, prefix->family == 4 ? 4 : 16);
}

/* Returns the kernel's answer: 0, or an error. */
static int change(int type, int flags, const struct prefix *prefix)
{
	struct netlink_message asked = route_message(type, flags, prefix);
	add_destination(&asked, prefix);
	netlink_add_number(&asked, RTA_OIF, if_nametoindex("lo"));
	return netlink_ask(&asked);
}

/* The flags are those of the interfaces that are looked at. */
static bool any_has_ipv6(unsigned flags)
{
	struct ifaddrs *all;
	bool found = false;
	if (getifaddrs(&all))
		fail("cannot read the addresses of this machine: %s", strerror(errno));
	for (struct ifaddrs *one = all; one && !found; one = one->ifa_next)
		found = one->ifa_addr && one->ifa_addr->sa_family == AF_INET6 && (one->ifa_flags & flags) == flags;
	freeifaddrs(all);
	return found;
}

bool ipv6_is_off(void)
{
	return !any_has_ipv6(0);
}

const char *ipv6_obstacle(void)
{
	if (any_has_ipv6(IFF_LOOPBACK))
		return NULL;
	return ipv6_is_off() ? "IPv6 is turned off here (sysctl net.ipv6.conf.all.disable_ipv6)"
			     : "IPv6 is turned off here (sysctl net.ipv6.conf.lo.disable_ipv6)";
}

static void check(int error, int harmless, const char *what, const struct prefix *prefix)
{
	char text[PREFIX_TEXT];
	if (!error || error == harmless)
		return;
	const char *obstacle = error == EACCES && prefix->family == 6 ? ipv6_obstacle() : NULL;
	fail("cannot %s the route by which %s is this machine's own: %s", what, prefix_text(prefix, text),
	     obstacle ? obstacle : strerror(error));
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

static int add(const struct prefix *prefix)
{
	return route_is_too_wide(prefix) ? 0 : change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, prefix);
}

void route_add(const struct prefix *prefix)
{
	check(add(prefix), EEXIST, "add", prefix);
}

void route_restore(const struct prefix *prefix)
{
	add(prefix);
}

void route_delete(const struct prefix *prefix)
{
	if (prefix->length)
		check(change(RTM_DELROUTE, 0, prefix), ESRCH, "delete", prefix);
}

struct routes {
	struct prefix *all;
	unsigned count;
};

/* An entry of the kernel's list may be a route of ours. */
static void read_ours(const struct nlmsghdr *entry, void *context)
{
	struct routes *ours = context;
	const struct rtmsg *route = NLMSG_DATA(entry);
	if (entry->nlmsg_type != RTM_NEWROUTE || route->rtm_table != RT_TABLE_LOCAL || route->rtm_protocol != PROTOCOL)
		return;
	struct prefix prefix = { .family = route->rtm_family == AF_INET ? 4 : 6, .length = route->rtm_dst_len };
	int length = RTM_PAYLOAD(entry);
	for (struct rtattr *each = RTM_RTA(route); RTA_OK(each, length); each = RTA_NEXT(each, length))
		if (each->rta_type == RTA_DST && RTA_PAYLOAD(each) <= sizeof(prefix.address))
			memcpy(prefix.address.bytes, RTA_DATA(each), RTA_PAYLOAD(each));
	ours->all = reallocarray(ours->all, ours->count + 1, sizeof(prefix));
	if (!ours->all)
		fail("out of memory");
	ours->all[ours->count++] = prefix;
}

void route_flush(void)
{
	for (int family = 4; family <= 6; family += 2) {
		struct routes ours = {};
		struct netlink_message asked = netlink_message(RTM_GETROUTE, 0, sizeof(asked.route));
		asked.route = (struct rtmsg){ .rtm_family = family == 4 ? AF_INET : AF_INET6,
					      .rtm_table = RT_TABLE_LOCAL,
					      .rtm_protocol = PROTOCOL };
		netlink_list(&asked, "routes", read_ours, &ours);
		for (unsigned i = 0; i < ours.count; i++)
			route_delete(&ours.all[i]);
		free(ours.all);
	}
}

static void read_type(const struct nlmsghdr *entry, void *type)
{
	*(unsigned char *)type = ((const struct rtmsg *)NLMSG_DATA(entry))->rtm_type;
}

/*
 * The kernel is asked about the prefix's last address but one, as the first ones may be rules of their own; about an address that
 * nobody has if the prefix is all there is.
 */
bool route_is_local(const struct prefix *prefix)
{
	struct prefix one = *prefix;
	if (!one.length)
		parse_prefix(one.family == 4 ? "192.0.2.0" : "2001:db8::", "32", &one);
	for (unsigned bit = one.length; bit + 1 < ADDRESS_BITS(one.family); bit++)
		one.address.bytes[bit / 8] |= 0x80 >> bit % 8;
	struct netlink_message asked = netlink_message(RTM_GETROUTE, 0, sizeof(asked.route));
	asked.route = (struct rtmsg){ .rtm_family = one.family == 4 ? AF_INET : AF_INET6, .rtm_dst_len = ADDRESS_BITS(one.family) };
	add_destination(&asked, &one);
	unsigned char type = RTN_UNSPEC;
	netlink_get(&asked, read_type, &type);
	return type == RTN_LOCAL;
}
