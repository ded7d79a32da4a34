// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdlib.h>
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
	if (size)
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

/* One socket serves all that the command asks. Strict checking has the kernel list what is asked for alone, not all of its kind. */
static int netlink_socket(void)
{
	static int fd = -1;
	int on = 1;
	if (fd >= 0)
		return fd;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)))
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

#define PART 32768 /* the kernel tells no more at a time */

struct list {
	char *bytes;
	size_t length, room;
};

static void make_room(struct list *list)
{
	if (list->room - list->length >= PART)
		return;
	list->room = 2 * list->room + PART;
	list->bytes = realloc(list->bytes, list->room);
	if (!list->bytes)
		fail("out of memory");
}

/* A list ends with an error, which is 0 if all was told. A kernel without such a thing has none of it, as one without such a table. */
static void check_end(const struct nlmsghdr *end, const char *what)
{
	int error = end->nlmsg_len < NLMSG_LENGTH(sizeof(int)) ? 0 : -*(const int *)NLMSG_DATA(end);
	if (error > 0 && error != ENOENT && error != EOPNOTSUPP && error != EAFNOSUPPORT)
		fail("the kernel does not tell its %s: %s", what, strerror(error));
}

/* Returns false if what is listed changed meanwhile: the list may lack what was there all the time, or have it twice. */
static bool read_list(int fd, const char *what, struct list *list)
{
	for (bool whole = true;;) {
		make_room(list);
		ssize_t length = recv(fd, list->bytes + list->length, PART, 0);
		if (length < 0)
			fail("cannot read the kernel's %s: %s", what, strerror(errno));
		struct nlmsghdr *entry = (void *)(list->bytes + list->length);
		list->length += length;
		for (; NLMSG_OK(entry, length); entry = NLMSG_NEXT(entry, length)) {
			whole &= !(entry->nlmsg_flags & NLM_F_DUMP_INTR);
			if (entry->nlmsg_type != NLMSG_DONE && entry->nlmsg_type != NLMSG_ERROR)
				continue;
			check_end(entry, what);
			list->length = (char *)entry - list->bytes;
			return whole;
		}
	}
}

#define TRIES 50

void netlink_list(struct netlink_message *message, const char *what, void (*each)(const struct nlmsghdr *entry, void *context),
		  void *context)
{
	struct list list = {};
	int fd = netlink_socket(), tries = 0;
	message->header.nlmsg_flags |= NLM_F_DUMP;
	do {
		if (tries++ == TRIES)
			fail("the kernel's %s changed while being read, %d times in a row: try again", what, TRIES);
		list.length = 0;
		if (send(fd, message, message->header.nlmsg_len, 0) < 0)
			fail("cannot ask the kernel for its %s: %s", what, strerror(errno));
	} while (!read_list(fd, what, &list));
	ssize_t left = list.length;
	for (struct nlmsghdr *entry = (void *)list.bytes; NLMSG_OK(entry, left); entry = NLMSG_NEXT(entry, left))
		each(entry, context);
	free(list.bytes);
}

bool netlink_is_up(const char *name)
{
	struct ifreq request = {};
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	return ioctl(netlink_socket(), SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_UP;
}
