/* What the node is told, line by line: see main.c. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "gwlb.h"

static const char *const states[] = { "healthy", "unhealthy", "draining" };
struct endpoint endpoints[MAX_ENDPOINTS];
size_t endpoint_count;

void answer(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

/* A TUN named `device` in the network namespace at `path`, without offloads: what is read from it is as on a wire. */
static int open_tun(const char *path, const char *device)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = open(path, O_RDONLY | O_CLOEXEC), tun = -1;

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
	if (home >= 0 && there >= 0 && setns(there, CLONE_NEWNET) == 0) {
		tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (tun >= 0 && ioctl(tun, TUNSETIFF, &request) < 0) {
			int reason = errno;
			close(tun);
			tun = -1;
			errno = reason;
		}
		if (setns(home, CLONE_NEWNET) < 0)
			exit(EXIT_FAILURE);
	}
	int reason = errno;
	close(home);
	close(there);
	errno = reason;
	return tun;
}

static void command_endpoint(void)
{
	const char *verb = strtok(NULL, " "), *id = strtok(NULL, " ");
	const char *device = strtok(NULL, " "), *netns = strtok(NULL, " ");

	if (!verb || !id)
		return answer("error endpoint: a verb and an id are needed");
	uint64_t number = htobe64(strtoull(id, NULL, 16));
	if (!strcmp(verb, "remove")) {
		for (size_t i = 0; i < endpoint_count; i++) {
			if (endpoints[i].id == number) {
				close(endpoints[i].tun);
				endpoints[i] = endpoints[--endpoint_count];
				return answer("ok");
			}
		}
		return answer("error endpoint %s is not here", id);
	}
	if (!strcmp(verb, "stats")) {
		for (size_t i = 0; i < endpoint_count; i++)
			if (endpoints[i].id == number)
				return answer("ok {\"forwarded\":%" PRIu64 ",\"returned\":%" PRIu64 "}",
					      endpoints[i].forwarded, endpoints[i].returned);
		return answer("error endpoint %s is not here", id);
	}
	if (strcmp(verb, "add") || !device || !netns)
		return answer("error endpoint: add ID DEVICE NETNS");
	if (endpoint_count == MAX_ENDPOINTS)
		return answer("error endpoint: %d are the most", MAX_ENDPOINTS);
	int tun = open_tun(netns, device);
	if (tun < 0)
		return answer("error TUN %s in %s: %s", device, netns, strerror(errno));
	endpoints[endpoint_count++] = (struct endpoint) { .id = number, .tun = tun };
	answer("ok");
}

static void command_targets(void)
{
	struct target wanted[MAX_TARGETS];
	size_t count = 0;

	for (char *word; (word = strtok(NULL, " "));) {
		char *state = strchr(word, '=');
		size_t i = 0;
		if (state)
			*state++ = '\0';
		while (state && i < 3 && strcmp(state, states[i]))
			i++;
		if (!state || i == 3 || count == MAX_TARGETS || inet_pton(AF_INET, word, &wanted[count].ip) != 1)
			return answer("error target %s: IP=healthy|unhealthy|draining, %d at most", word, MAX_TARGETS);
		wanted[count++].state = i;
	}
	memcpy(targets, wanted, count * sizeof *wanted);
	target_count = count;
	answer("ok");
}

static void command_policy(void)
{
	const char *tuple = strtok(NULL, " "), *failover = strtok(NULL, " "), *reset = strtok(NULL, " ");
	const char *tcp = strtok(NULL, " "), *other = strtok(NULL, " ");

	if (!other)
		return answer("error policy TUPLE FAILOVER RESET TCP OTHER");
	policy.tuple = atoi(tuple);
	policy.rebalance = !strcmp(failover, "rebalance");
	policy.reset_unhealthy = strstr(reset, "unhealthy");
	policy.reset_deregistered = strstr(reset, "deregistered");
	policy.tcp_idle = atoll(tcp);
	policy.other_idle = atoll(other);
	answer("ok");
}

static void command_stats(void)
{
#define FORMAT(name) ",\"" #name "\":%" PRIu64
#define VALUE(name) , count.name
	answer("ok {\"endpoints\":%zu" COUNTERS(FORMAT) "}", endpoint_count COUNTERS(VALUE));
}

static void command(char *line)
{
	const char *verb = strtok(line, " ");

	if (verb && !strcmp(verb, "endpoint"))
		command_endpoint();
	else if (verb && !strcmp(verb, "targets"))
		command_targets();
	else if (verb && !strcmp(verb, "policy"))
		command_policy();
	else if (verb && !strcmp(verb, "stats"))
		command_stats();
	else
		answer("error unknown command");
}

bool obey(void)
{
	static char text[16384];
	static size_t size;
	ssize_t got = read(STDIN_FILENO, text + size, sizeof text - size);

	if (got <= 0)
		return false;
	size += got;
	for (char *end; (end = memchr(text, '\n', size));) {
		*end = '\0';
		size_t length = end + 1 - text;
		command(text);
		memmove(text, end + 1, size -= length);
	}
	return size < sizeof text;
}

