// SPDX-License-Identifier: Apache-2.0
/*
 * A GENEVE device of the kernel opens a socket on GENEVE's port, and for such a socket the kernel merges the TCP segments within
 * packets before it shows them to programs (GRO). The device itself receives nothing: its VNI is no load balancer's, and the
 * kernel drops what comes from its remote address, 255.255.255.255, as martian, whoever sent it. It is not an `external` one, which
 * would give the stack what the diverter has not taken. With an MTU below IPv6's least it has no IPv6, and so nothing to say.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>

#include "diverter.h"
#include "netlink.h"

#define PORT 6081
#define VNI 0xffffff
#define REMOTE INADDR_BROADCAST
#define MTU 576

/* A message is about our device, which is to be up. */
static struct netlink_message device_message(int type, int flags)
{
	struct netlink_message message = netlink_message(type, flags, sizeof(message.link));
	message.link.ifi_flags = message.link.ifi_change = IFF_UP;
	netlink_add(&message, IFLA_IFNAME, GRO_DEVICE, sizeof(GRO_DEVICE));
	return message;
}

void gro_start(void)
{
	const __u16 port = htons(PORT);
	struct netlink_message made = device_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	netlink_add_number(&made, IFLA_MTU, MTU);
	struct rtattr *info = netlink_add(&made, IFLA_LINKINFO, NULL, 0);
	netlink_add(&made, IFLA_INFO_KIND, "geneve", sizeof("geneve"));
	struct rtattr *data = netlink_add(&made, IFLA_INFO_DATA, NULL, 0);
	netlink_add_number(&made, IFLA_GENEVE_ID, VNI);
	netlink_add_number(&made, IFLA_GENEVE_REMOTE, htonl(REMOTE));
	netlink_add(&made, IFLA_GENEVE_PORT, &port, sizeof(port));
	netlink_close_nest(&made, data);
	netlink_close_nest(&made, info);
	if (netlink_ask(&made) == EEXIST) {
		struct netlink_message up = device_message(RTM_NEWLINK, 0);
		netlink_ask(&up);
	}
}

void gro_stop(void)
{
	struct netlink_message deleted = device_message(RTM_DELLINK, 0);
	netlink_ask(&deleted);
}

/* True if a UDP socket of whomever has the port. */
static bool port_is_taken(void)
{
	char line[512];
	unsigned port;
	bool found = false;
	FILE *table = fopen("/proc/net/udp", "re");
	while (table && !found && fgets(line, sizeof(line), table))
		found = sscanf(line, " %*u: %*x:%x", &port) == 1 && port == PORT;
	if (table)
		fclose(table);
	return found;
}

const char *gro_problem(void)
{
	if (netlink_is_up(GRO_DEVICE))
		return NULL;
	if (port_is_taken())
		return "UDP port 6081 has another socket: it is another GENEVE device's, which does the same, or `ss -lunp sport = 6081` "
		       "names its program";
	return "the kernel makes no GENEVE device (`modinfo geneve` says whether it has the module), or someone has deleted " GRO_DEVICE
	       " or set it down";
}
