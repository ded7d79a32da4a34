// SPDX-License-Identifier: Apache-2.0
/*
 * udp blast ADDRESS PORT SECONDS   sends datagrams of 64 bytes as fast as it can, from FLOWS sockets in turn
 * udp sink ADDRESS PORT SECONDS    a transparent listener, as a tunneler has it: prints how many it receives a second
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOWS 256
#define BATCH 64
#define SIZE 64

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static int opened(const struct sockaddr_in *at, int (*join)(int, const struct sockaddr *, socklen_t))
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	struct timeval patience = { .tv_usec = 100000 };
	setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (fd < 0 || join(fd, (const struct sockaddr *)at, sizeof(*at))) {
		perror("udp");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static char data[BATCH][SIZE];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH] = {};
	if (argc != 5) {
		fprintf(stderr, "udp blast|sink ADDRESS PORT SECONDS\n");
		return 2;
	}
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ data[i], SIZE };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}

	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(argv[2]), .sin_port = htons(atoi(argv[3])) };
	double seconds = atof(argv[4]), end = now() + seconds;
	if (strcmp(argv[1], "sink") == 0) {
		long received = 0;
		int fd = opened(&at, bind);
		while (now() < end) {
			int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
			received += count > 0 ? count : 0;
		}
		printf("%.0f\n", received / seconds);
	} else {
		int flows[FLOWS];
		for (int i = 0; i < FLOWS; i++)
			flows[i] = opened(&at, connect);
		for (int i = 0; now() < end; i++)
			sendmmsg(flows[i % FLOWS], messages, BATCH, 0);
	}
	return 0;
}
