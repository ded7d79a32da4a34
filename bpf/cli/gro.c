// SPDX-License-Identifier: Apache-2.0
/*
 * A GENEVE device of the kernel opens a socket on GENEVE's port, and for such a socket the kernel merges the TCP segments within
 * packets before it shows them to programs (GRO). The device itself receives nothing: its VNI is no load balancer's, and the
 * kernel drops what comes from its remote address, 255.255.255.255, as martian, whoever sent it. It is not an `external` one, which
 * would give the stack what the diverter has not taken. With an MTU below IPv6's least it has no IPv6, and so nothing to say.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diverter.h"

#define PORT 6081
#define VNI 0xffffff
#define REMOTE INADDR_BROADCAST
#define MTU 576

struct request {
	struct nlmsghdr header;
	struct ifinfomsg link;
	char attributes[256];
};

static struct rtattr *add_attribute(struct request *request, int type, const void *value, size_t size)
{
	struct rtattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), value, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
	return attribute;
}

/* What was added since is within the attribute. */
static void close_nest(const struct request *request, struct rtattr *nest)
{
	nest->rta_len = (char *)request + request->header.nlmsg_len - (char *)nest;
}

/* A request is about our device, which is to be up. */
static struct request request(int type, int flags)
{
	struct request request = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			    .nlmsg_type = type,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags },
		.link = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP },
	};
	add_attribute(&request, IFLA_IFNAME, GRO_DEVICE, sizeof(GRO_DEVICE));
	return request;
}

/* Returns the kernel's answer: 0, or an error. */
static int ask(const struct request *request)
{
	char answer[4096] __attribute__((aligned(8)));
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool answered = fd >= 0 && send(fd, request, request->header.nlmsg_len, 0) >= 0 && recv(fd, answer, sizeof(answer), 0) >= 0;
	int error = answered ? -((struct nlmsgerr *)NLMSG_DATA(answer))->error : errno;
	close(fd);
	return error;
}

void gro_start(void)
{
	const __u32 vni = VNI, remote = htonl(REMOTE), mtu = MTU;
	const __u16 port = htons(PORT);
	struct request made = request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	add_attribute(&made, IFLA_MTU, &mtu, sizeof(mtu));
	struct rtattr *info = add_attribute(&made, IFLA_LINKINFO, NULL, 0);
	add_attribute(&made, IFLA_INFO_KIND, "geneve", sizeof("geneve"));
	struct rtattr *data = add_attribute(&made, IFLA_INFO_DATA, NULL, 0);
	add_attribute(&made, IFLA_GENEVE_ID, &vni, sizeof(vni));
	add_attribute(&made, IFLA_GENEVE_REMOTE, &remote, sizeof(remote));
	add_attribute(&made, IFLA_GENEVE_PORT, &port, sizeof(port));
	close_nest(&made, data);
	close_nest(&made, info);
	if (ask(&made) == EEXIST) {
		struct request up = request(RTM_NEWLINK, 0);
		ask(&up);
	}
}

void gro_stop(void)
{
	struct request deleted = request(RTM_DELLINK, 0);
	ask(&deleted);
}

static bool is_up(void)
{
	struct ifreq request = { .ifr_name = GRO_DEVICE };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool up = ioctl(fd, SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_UP;
	close(fd);
	return up;
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
	if (is_up())
		return NULL;
	if (port_is_taken())
		return "UDP port 6081 has another socket: it is another GENEVE device's, which does the same, or `ss -lunp sport = 6081` "
		       "names its program";
	return "the kernel makes no GENEVE device (`modinfo geneve` says whether it has the module), or someone has deleted " GRO_DEVICE
	       " or set it down";
}
