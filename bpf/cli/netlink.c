// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "diverter.h"
#include "netlink.h"

struct netlink_message netlink_message(int type, int flags, size_t size)
{
	return (struct netlink_message){ .header = { .nlmsg_len = NLMSG_LENGTH(size), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags } };
}

struct rtattr *netlink_add(struct netlink_message *message, int type, const void *value, size_t size)
{
	struct rtattr *attribute = (void *)((char *)message + NLMSG_ALIGN(message->header.nlmsg_len));
	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), value, size);
	message->header.nlmsg_len = NLMSG_ALIGN(message->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
	return attribute;
}

struct rtattr *netlink_add_number(struct netlink_message *message, int type, __u32 value)
{
	return netlink_add(message, type, &value, sizeof(value));
}

void netlink_close_nest(const struct netlink_message *message, struct rtattr *nest)
{
	nest->rta_len = (char *)message + message->header.nlmsg_len - (char *)nest;
}

/* One socket serves all that the command asks, but the table `local`: local.c has one with strict checking for that. */
static int netlink_socket(void)
{
	static int fd = -1;
	if (fd < 0)
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		fail("cannot talk to the kernel about routes: %s", strerror(errno));
	return fd;
}

int netlink_ask(struct netlink_message *message)
{
	char answer[4096] __attribute__((aligned(8)));
	int fd = netlink_socket();
	message->header.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, message, message->header.nlmsg_len, 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 0)
		return errno;
	return -((struct nlmsgerr *)NLMSG_DATA(answer))->error;
}

void netlink_get(struct netlink_message *message, void (*read)(const struct nlmsghdr *entry, void *context), void *context)
{
	char answer[4096] __attribute__((aligned(8)));
	int fd = netlink_socket();
	bool answered = send(fd, message, message->header.nlmsg_len, 0) >= 0 && recv(fd, answer, sizeof(answer), 0) >= 0;
	const struct nlmsghdr *entry = (void *)answer;
	if (answered && entry->nlmsg_type != NLMSG_ERROR)
		read(entry, context);
}

void netlink_list(struct netlink_message *message, const char *what, void (*each)(const struct nlmsghdr *entry, void *context),
		  void *context)
{
	char answer[32768] __attribute__((aligned(8)));
	int fd = netlink_socket();
	message->header.nlmsg_flags |= NLM_F_DUMP;
	if (send(fd, message, message->header.nlmsg_len, 0) < 0)
		fail("cannot ask the kernel for its %s: %s", what, strerror(errno));
	for (bool more = true; more;) {
		ssize_t length = recv(fd, answer, sizeof(answer), 0);
		if (length < 0)
			fail("cannot read the kernel's %s: %s", what, strerror(errno));
		for (struct nlmsghdr *entry = (void *)answer; more && NLMSG_OK(entry, length); entry = NLMSG_NEXT(entry, length)) {
			if (entry->nlmsg_type == NLMSG_DONE || entry->nlmsg_type == NLMSG_ERROR)
				more = false;
			else
				each(entry, context);
		}
	}
}

bool netlink_is_up(const char *name)
{
	struct ifreq request = {};
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	return ioctl(netlink_socket(), SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_UP;
}
