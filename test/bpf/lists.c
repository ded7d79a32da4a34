// SPDX-License-Identifier: Apache-2.0
/*
 * lists PART...
 * Asks for a list, to which the kernel answers by these parts, and prints each entry of it, and how often it asked. A part is
 * messages with commas between them: an entry's name, `done` or `error`, with `:NUMBER` behind it if it ends by this error, and `!`
 * at the end if what is listed has changed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../bpf/cli/diverter.h"
#include "../../bpf/cli/netlink.h"

/* The command's end of what is the kernel here, and the other one. It waits for no answer that is not there. */
static int ends[2];

int socket(int domain, int type, int protocol)
{
	(void)domain, (void)type, (void)protocol;
	return ends[0];
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	(void)level, (void)name, (void)value, (void)size;
	return fd == ends[0] ? 0 : -1;
}

/* Returns where the next message begins. */
static char *put(char *at, char *text)
{
	struct nlmsghdr *message = (void *)at;
	char *changed = strchr(text, '!'), *number = strchr(text, ':');
	int error = number ? -atoi(number + 1) : 0;
	if (changed)
		*changed = 0;
	if (number)
		*number = 0;
	*message = (struct nlmsghdr){ .nlmsg_type = RTM_NEWROUTE, .nlmsg_flags = NLM_F_MULTI | (changed ? NLM_F_DUMP_INTR : 0) };
	if (strcmp(text, "done") == 0)
		message->nlmsg_type = NLMSG_DONE;
	if (strcmp(text, "error") == 0)
		message->nlmsg_type = NLMSG_ERROR;
	bool ends_here = message->nlmsg_type != RTM_NEWROUTE;
	size_t size = ends_here ? sizeof(error) : strlen(text) + 1;
	memcpy(NLMSG_DATA(message), ends_here ? (void *)&error : text, size);
	message->nlmsg_len = NLMSG_LENGTH(size);
	return at + NLMSG_SPACE(size);
}

static void answer(char *part)
{
	static char bytes[32768] __attribute__((aligned(8)));
	char *end = bytes, *rest;
	for (char *text = strtok_r(part, ",", &rest); text; text = strtok_r(NULL, ",", &rest))
		end = put(end, text);
	if (send(ends[1], bytes, end - bytes, 0) < 0)
		exit(2);
}

static void print(const struct nlmsghdr *entry, void *context)
{
	(void)context;
	printf("%s ", (char *)NLMSG_DATA(entry));
}

int main(int argc, char **argv)
{
	struct netlink_message asked = netlink_message(RTM_GETROUTE, 0, sizeof(asked.route));
	int times = 0;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends))
		return 2;
	for (int i = 1; i < argc; i++)
		answer(argv[i]);
	netlink_list(&asked, "things", print, NULL);
	while (recv(ends[1], &asked, sizeof(asked), 0) > 0)
		times++;
	printf("asked %d\n", times);
}
