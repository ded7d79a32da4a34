/*
 * Stands in for ziti-router's tunneler in tproxy mode with an external diverter (OpenZiti's
 * tunnel/intercept/tproxy/tproxy_linux.go): the same listeners, the same calls of the diverter, but it answers itself.
 *
 *   tunneler DIVERTER SERVICES
 *
 * SERVICES is a file of lines `NAME PREFIX tcp|udp LOWPORT HIGHPORT`. Prints `ready` once all of them are announced.
 * TCP: what comes first is answered by one line (as HTTP, for curl), what follows is echoed. UDP: echoed after the host's name.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_SERVICES = 64, MAX_REPLIES = 256 };

struct service {
	char name[64], address[INET_ADDRSTRLEN], length[4], protocol[4], low[6], high[6];
	int listener;
	char port[6];
};
static struct service services[MAX_SERVICES];
static size_t service_count;

/* Sockets UDP answers go out of. Kept open, as OpenZiti keeps them, and never read: what is steered to one is lost. */
static struct reply {
	struct sockaddr_in from, to;
	int fd;
} replies[MAX_REPLIES];
static size_t next_reply;

static char host[64];
static const char *diverter;
static volatile sig_atomic_t stopping;

static void stop(int signal)
{
	(void)signal;
	stopping = 1;
}

static void fail(const char *what)
{
	fprintf(stderr, "tunneler: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int run(char *const argv[])
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...) run((char *const[]) { __VA_ARGS__, NULL })

static void announce(struct service *s)
{
	/* A router goes on without the service when this fails. */
	if (RUN((char *)diverter, "-I", "-c", s->address, "-m", s->length, "-p", s->protocol, "-o", "0.0.0.0", "-n", "0",
		"-l", s->low, "-h", s->high, "-t", s->port, "-s", s->name))
		fprintf(stderr, "tunneler: failed for service %s\n", s->name);
}

/* As OpenZiti does: the listener is closed first. */
static void withdraw(struct service *s)
{
	close(s->listener);
	if (RUN((char *)diverter, "-D", "-c", s->address, "-m", s->length, "-p", s->protocol, "-o", "0.0.0.0", "-n", "0",
		"-l", s->low, "-h", s->high))
		fprintf(stderr, "tunneler: failed to remove service %s\n", s->name);
}

static int transparent_socket(int type, const struct sockaddr_in *address)
{
	int on = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof on) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
	    (type == SOCK_DGRAM && setsockopt(fd, SOL_IP, IP_RECVORIGDSTADDR, &on, sizeof on)) ||
	    bind(fd, (const void *)address, sizeof *address)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void listen_for(struct service *s)
{
	bool tcp = !strcmp(s->protocol, "tcp");
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	char prefix[32];

	s->listener = transparent_socket(tcp ? SOCK_STREAM : SOCK_DGRAM, &address);
	if (s->listener < 0 || (tcp && listen(s->listener, 1024)) || getsockname(s->listener, (void *)&address, &size))
		fail(s->name);
	snprintf(s->port, sizeof s->port, "%u", ntohs(address.sin_port));
	/* Makes the packets local; the router does so itself, before it calls the diverter. */
	snprintf(prefix, sizeof prefix, "%s/%s", s->address, s->length);
	if (RUN("ip", "address", "replace", prefix, "dev", "lo", "scope", "host"))
		fail(prefix);
}

static void read_services(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file)
		fail(path);
	for (struct service *s = services; service_count < MAX_SERVICES; s++, service_count++)
		if (fscanf(file, "%63s %15[0-9.]/%3[0-9] %3s %5[0-9] %5[0-9]", s->name, s->address, s->length, s->protocol,
			   s->low, s->high) != 6)
			break;
	if (!feof(file) || service_count == 0) {
		errno = EINVAL;
		fail(path);
	}
	fclose(file);
}

static void text_of(const struct sockaddr_in *address, char text[32])
{
	inet_ntop(AF_INET, &address->sin_addr, text, INET_ADDRSTRLEN);
	sprintf(text + strlen(text), ":%u", ntohs(address->sin_port));
}

static void *serve_connection(void *connection)
{
	int fd = (int)(intptr_t)connection;
	char data[16384], self_text[32], peer_text[32], line[256], response[512];
	struct sockaddr_in self, peer;
	socklen_t size = sizeof self;
	ssize_t got = recv(fd, data, sizeof data, 0);

	getsockname(fd, (void *)&self, &size);
	getpeername(fd, (void *)&peer, &size);
	text_of(&self, self_text);
	text_of(&peer, peer_text);
	int length = snprintf(line, sizeof line, "%s answers for %s to %s\n", host, self_text, peer_text);
	int total = snprintf(response, sizeof response,
			     "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", length, line);
	if (got > 0 && send(fd, response, total, MSG_NOSIGNAL) == total)
		while ((got = recv(fd, data, sizeof data, 0)) > 0 && send(fd, data, got, MSG_NOSIGNAL) == got)
			;
	close(fd);
	return NULL;
}

static void accept_connection(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	pthread_t thread;

	if (fd >= 0 && pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) == 0)
		pthread_detach(thread);
	else
		close(fd);
}

static int reply_socket(const struct sockaddr_in *from, const struct sockaddr_in *to)
{
	for (size_t i = 0; i < MAX_REPLIES; i++)
		if (replies[i].fd && !memcmp(&replies[i].from, from, sizeof *from) && !memcmp(&replies[i].to, to, sizeof *to))
			return replies[i].fd;
	int fd = transparent_socket(SOCK_DGRAM, from);
	if (fd < 0)
		return -1;
	struct reply *reply = &replies[next_reply++ % MAX_REPLIES];
	if (reply->fd)
		close(reply->fd);
	*reply = (struct reply) { *from, *to, fd };
	return fd;
}

static void echo_datagram(int listener)
{
	char data[65536], control[256];
	struct sockaddr_in client = { 0 }, original = { 0 };
	size_t name = snprintf(data, sizeof data, "%s ", host);
	struct iovec io = { data + name, sizeof data - name };
	struct msghdr message = { .msg_name = &client, .msg_namelen = sizeof client, .msg_iov = &io, .msg_iovlen = 1,
				  .msg_control = control, .msg_controllen = sizeof control };
	ssize_t got = recvmsg(listener, &message, 0);

	if (got < 0)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_ORIGDSTADDR)
			memcpy(&original, CMSG_DATA(c), sizeof original);
	int fd = reply_socket(&original, &client);
	if (fd < 0 || sendto(fd, data, name + got, 0, (void *)&client, sizeof client) < 0)
		perror("tunneler: reply");
}

static void serve_until_stopped(void)
{
	struct pollfd ready[MAX_SERVICES];

	for (size_t i = 0; i < service_count; i++)
		ready[i] = (struct pollfd) { services[i].listener, POLLIN, 0 };
	while (!stopping) {
		if (poll(ready, service_count, -1) < 0)
			continue;
		for (size_t i = 0; i < service_count; i++) {
			if (!ready[i].revents)
				continue;
			if (!strcmp(services[i].protocol, "tcp"))
				accept_connection(services[i].listener);
			else
				echo_datagram(services[i].listener);
		}
	}
}

int main(int argc, char **argv)
{
	struct sigaction on_stop = { .sa_handler = stop };

	if (argc != 3) {
		fprintf(stderr, "usage: tunneler DIVERTER SERVICES\n");
		return 2;
	}
	diverter = argv[1];
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigaction(SIGTERM, &on_stop, NULL);
	sigaction(SIGINT, &on_stop, NULL);
	gethostname(host, sizeof host - 1);
	read_services(argv[2]);

	if (RUN((char *)diverter, "-V")) {
		fprintf(stderr, "tunneler: %s -V failed\n", diverter);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < service_count; i++)
		listen_for(&services[i]);
	for (size_t i = 0; i < service_count; i++)
		announce(&services[i]);
	puts("ready");
	fflush(stdout);
	serve_until_stopped();
	for (size_t i = 0; i < service_count; i++)
		withdraw(&services[i]);
	return EXIT_SUCCESS;
}
