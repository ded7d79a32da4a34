// SPDX-License-Identifier: Apache-2.0
/*
 * talk serve ADDRESS PORT                  echoes what a connection says, one connection after the other
 * talk connections ADDRESS PORT SECONDS    prints how many connections a second say one byte and hear it
 * talk trips ADDRESS PORT SECONDS          prints how often a second one connection does so
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static int checked(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static int opened(void)
{
	int fd = checked(socket(AF_INET, SOCK_STREAM, 0), "socket"), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void serve(const struct sockaddr_in *at)
{
	int listener = opened();
	char byte;
	checked(bind(listener, (const struct sockaddr *)at, sizeof(*at)), "bind");
	checked(listen(listener, 1024), "listen");
	for (;;) {
		int fd = checked(accept(listener, NULL, NULL), "accept");
		while (read(fd, &byte, 1) == 1)
			checked(write(fd, &byte, 1), "write");
		close(fd);
	}
}

static int connected(const struct sockaddr_in *to)
{
	/* A reset closes it: a port is not kept busy. */
	struct linger none = { .l_onoff = 1 };
	int fd = opened();
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	checked(connect(fd, (const struct sockaddr *)to, sizeof(*to)), "connect");
	return fd;
}

static void trip(int fd)
{
	char byte = 0;
	checked(write(fd, &byte, 1), "write");
	checked(read(fd, &byte, 1), "read");
}

int main(int argc, char **argv)
{
	const char *verb = argc > 3 ? argv[1] : "";
	struct sockaddr_in at = { .sin_family = AF_INET };
	long count = 0;
	if (argc > 3) {
		at.sin_addr.s_addr = inet_addr(argv[2]);
		at.sin_port = htons(atoi(argv[3]));
	}
	if (strcmp(verb, "serve") == 0)
		serve(&at);
	if (argc != 5) {
		fprintf(stderr, "talk: see the head of its source\n");
		return 2;
	}
	double seconds = atof(argv[4]), end = now() + seconds;
	bool trips = strcmp(verb, "trips") == 0;
	int fd = trips ? connected(&at) : -1;
	for (; now() < end; count++) {
		int one = trips ? fd : connected(&at);
		trip(one);
		if (!trips)
			close(one);
	}
	printf("%.0f\n", count / seconds);
	return 0;
}
