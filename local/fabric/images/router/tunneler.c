/*
 * Stands in for ziti-router's tunneler in tproxy mode with an external diverter (OpenZiti's
 * tunnel/intercept/tproxy/tproxy_linux.go): the same addresses on lo, the same listeners, the same calls of the diverter, but it
 * answers itself.
 *
 *   tunneler DIVERTER SERVICES AWAY RESOLVER PORT RANGE
 *
 * SERVICES is a file of lines `NAME PREFIX|*.DOMAIN tcp|udp LOWPORT HIGHPORT [unserved]`, read again when it changes, unless the
 * file AWAY is there: then there is no controller to say so, and none for new connections. Names get addresses of RANGE, from
 * the resolver, in words and not in DNS's own form.
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_MS = 100, /* until a controller's change is known */
	DIAL_MS = 10, /* until the other end has answered, or has not */
	ALONE_MS = 500, /* until a controller has not answered: OpenZiti's 5 s, ten times as fast */
	QUEUED = 16, /* datagrams that wait for that */
	CHUNK = 10240, /* read from a client at a time */
};

/* A rule of the diverter, and what stands behind it. That of a wildcard has no rule, but the names it was asked for do. */
struct service {
	struct service *next;
	char name[64], address[64], length[4], protocol[4], low[6], high[6];
	bool unserved, wildcard, stays;
	char id[23], port[6];
	int listener;
	struct circuit *circuits;
};
static struct service *services;

/* UDP of one client's port. Its socket answers from where the first datagram was sent to, and is never read. */
struct circuit {
	struct circuit *next;
	struct sockaddr_in client;
	int fd;
	int64_t opens;
	size_t count;
	struct {
		char *data;
		size_t length;
	} queue[QUEUED];
};

static char host[64];
static const char *diverter, *away;
static struct in_addr next_name;
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

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_away(void)
{
	return access(away, F_OK) == 0;
}

static int run(char *const argv[])
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		/* What it says is read at debug only. */
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(127);
		execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...) run((char *const[]) { __VA_ARGS__, NULL })

static void on_lo(const char *verb, const char *prefix)
{
	RUN("ip", "address", (char *)verb, (char *)prefix, "dev", "lo", "scope", "host");
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

static bool is_tcp(const struct service *s)
{
	return !strcmp(s->protocol, "tcp");
}

/* The listener, the address on lo, the call; a router goes on without the service when that fails. */
static void announce(struct service *s)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	char prefix[80];

	s->listener = transparent_socket(is_tcp(s) ? SOCK_STREAM : SOCK_DGRAM, &address);
	if (s->listener < 0 || (is_tcp(s) && listen(s->listener, 1024)) || getsockname(s->listener, (void *)&address, &size))
		fail(s->name);
	snprintf(s->port, sizeof s->port, "%u", ntohs(address.sin_port));
	snprintf(prefix, sizeof prefix, "%s/%s", s->address, s->length);
	on_lo("replace", prefix);
	RUN((char *)diverter, "-I", "-c", s->address, "-m", s->length, "-p", s->protocol, "-o", "0.0.0.0", "-n", "0", "-l", s->low, "-h",
	    s->high, "-t", s->port, "-s", s->id);
}

/* The listener is closed first. The address goes with the first service that had it, whoever else has it. */
static void withdraw(struct service *s)
{
	char prefix[80];

	close(s->listener);
	if (RUN((char *)diverter, "-D", "-c", s->address, "-m", s->length, "-p", s->protocol, "-o", "0.0.0.0", "-n", "0", "-l", s->low,
		"-h", s->high))
		fprintf(stderr, "tunneler: failed to remove service %s\n", s->name);
	snprintf(prefix, sizeof prefix, "%s/%s", s->address, s->length);
	on_lo("delete", prefix);
}

/* OpenZiti's ids are random; these are the same at each start, as those are. */
static void name_by_id(struct service *s)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof s->id - 1; i++) {
		for (const char *c = s->name; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
		s->id[i] = digits[(hash >> 32) % (sizeof digits - 1)];
	}
}

static bool same(const struct service *a, const struct service *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->address, b->address) && !strcmp(a->length, b->length) &&
	       !strcmp(a->protocol, b->protocol) && !strcmp(a->low, b->low) && !strcmp(a->high, b->high) && a->unserved == b->unserved;
}

static bool read_line(const char *line, struct service *s)
{
	char destination[64], rest[16] = "";

	*s = (struct service) { .listener = -1 };
	if (sscanf(line, "%63s %63s %3s %5[0-9] %5[0-9] %15s", s->name, destination, s->protocol, s->low, s->high, rest) < 5)
		return false;
	s->unserved = !strcmp(rest, "unserved");
	s->wildcard = destination[0] == '*';
	if (s->wildcard)
		snprintf(s->address, sizeof s->address, "%s", destination + 1);
	else if (sscanf(destination, "%15[0-9.]/%3[0-9]", s->address, s->length) != 2)
		return false;
	name_by_id(s);
	return true;
}

static struct service *keep(const struct service *s)
{
	struct service *kept = malloc(sizeof *kept);

	if (!kept)
		fail("memory");
	*kept = *s;
	kept->next = services;
	return services = kept;
}

/* What is gone or changed is withdrawn first. What is new comes in the order of a map: any. */
static void read_services(const char *path)
{
	struct service *fresh = NULL, one;
	size_t count = 0;
	char line[256];
	FILE *file = fopen(path, "r");

	if (!file)
		fail(path);
	for (struct service *s = services; s; s = s->next)
		s->stays = false;
	while (fgets(line, sizeof line, file)) {
		struct service *known = services;

		if (!read_line(line, &one))
			continue;
		while (known && !same(known, &one))
			known = known->next;
		if (known) {
			known->stays = true;
			continue;
		}
		fresh = realloc(fresh, ++count * sizeof one);
		if (!fresh)
			fail("memory");
		fresh[count - 1] = one;
	}
	fclose(file);
	for (struct service **at = &services; *at;) {
		struct service *s = *at, *wildcard = services;

		/* A name lives as long as its wildcard. */
		while (wildcard && !(wildcard->wildcard && wildcard->stays && !strcmp(wildcard->id, s->id)))
			wildcard = wildcard->next;
		if (s->stays || wildcard) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		if (!s->wildcard)
			withdraw(s);
		free(s);
	}
	while (count) {
		size_t any = (size_t)random() % count;
		struct service *s = keep(&fresh[any]);

		s->stays = true;
		if (!s->wildcard)
			announce(s);
		fresh[any] = fresh[--count];
	}
	free(fresh);
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

/* Nobody serves it, which is found out once the client has its connection. With what it has said it is reset. */
static void *end_connection(void *connection)
{
	usleep((is_away() ? ALONE_MS : DIAL_MS) * 1000);
	close((int)(intptr_t)connection);
	return NULL;
}

static void accept_connection(const struct service *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	pthread_t thread;

	if (fd >= 0 &&
	    pthread_create(&thread, NULL, s->unserved || is_away() ? end_connection : serve_connection, (void *)(intptr_t)fd) == 0)
		pthread_detach(thread);
	else
		close(fd);
}

/* What is larger than is read of a client at a time is more than one datagram at the other end, and each is answered. */
static void answer(const struct circuit *c, const char *data, size_t length)
{
	char reply[sizeof host + 1 + CHUNK];
	size_t name = snprintf(reply, sizeof reply, "%s ", host);

	do {
		size_t part = length < CHUNK ? length : CHUNK;

		memcpy(reply + name, data, part);
		if (sendto(c->fd, reply, name + part, 0, (const void *)&c->client, sizeof c->client) < 0)
			perror("tunneler: reply");
		data += part;
		length -= part;
	} while (length);
}

static struct circuit *circuit_of(struct service *s, const struct sockaddr_in *client, const struct sockaddr_in *original)
{
	struct circuit *c = s->circuits;

	while (c && (c->client.sin_addr.s_addr != client->sin_addr.s_addr || c->client.sin_port != client->sin_port))
		c = c->next;
	if (c || s->unserved || is_away())
		return c;
	c = calloc(1, sizeof *c);
	if (!c || (c->fd = transparent_socket(SOCK_DGRAM, original)) < 0)
		fail("reply");
	c->client = *client;
	c->opens = now_ms() + DIAL_MS;
	c->next = s->circuits;
	return s->circuits = c;
}

static void take_datagram(struct service *s)
{
	static char data[65536];
	char control[256];
	struct sockaddr_in client = { 0 }, original = { 0 };
	struct iovec io = { data, sizeof data };
	struct msghdr message = { .msg_name = &client, .msg_namelen = sizeof client, .msg_iov = &io, .msg_iovlen = 1,
				  .msg_control = control, .msg_controllen = sizeof control };
	ssize_t got = recvmsg(s->listener, &message, 0);

	if (got < 0)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_ORIGDSTADDR)
			memcpy(&original, CMSG_DATA(c), sizeof original);
	struct circuit *c = circuit_of(s, &client, &original);
	if (!c)
		return;
	if (!c->opens) {
		answer(c, data, got);
	} else if (c->count < QUEUED && (c->queue[c->count].data = malloc(got + 1))) {
		memcpy(c->queue[c->count].data, data, got);
		c->queue[c->count++].length = got;
	}
}

/* Answers what has waited in circuits that are there now. Says how long until the next is. */
static int open_circuits(void)
{
	int64_t now = now_ms(), wait = LOOK_MS;

	for (struct service *s = services; s; s = s->next) {
		for (struct circuit *c = s->circuits; c; c = c->next) {
			if (c->opens > now && c->opens - now < wait)
				wait = c->opens - now;
			if (!c->opens || c->opens > now)
				continue;
			c->opens = 0;
			for (size_t i = 0; i < c->count; i++) {
				answer(c, c->queue[i].data, c->queue[i].length);
				free(c->queue[i].data);
			}
		}
	}
	return (int)wait;
}

/* Before it answers, a name has its address, and the diverter its rules. */
static void resolve(int resolver)
{
	char name[256], text[512];
	const char *address = "refused";
	struct sockaddr_in client;
	socklen_t size = sizeof client;
	ssize_t got = recvfrom(resolver, name, sizeof name - 1, 0, (void *)&client, &size);

	if (got < 0)
		return;
	name[got] = '\0';
	for (struct service *s = services; s; s = s->next)
		if (!s->wildcard && !s->stays && !strcmp(s->name, name))
			address = s->address;
	bool known = strcmp(address, "refused");
	for (struct service *w = services; w && !known; w = w->next) {
		size_t end = strlen(w->address);
		struct service one = *w;

		if (!w->wildcard || (size_t)got <= end || strcmp(name + got - end, w->address))
			continue;
		one.wildcard = one.stays = false;
		snprintf(one.name, sizeof one.name, "%.63s", name);
		inet_ntop(AF_INET, &next_name, one.address, sizeof one.address);
		strcpy(one.length, "32");
		struct service *s = keep(&one);
		announce(s);
		address = s->address;
	}
	if (!known && strcmp(address, "refused"))
		next_name.s_addr = htonl(ntohl(next_name.s_addr) + 1);
	size_t length = snprintf(text, sizeof text, "%s says: %s is %s", host, name, address);
	sendto(resolver, text, length, 0, (void *)&client, size);
}

static int resolver_at(const char *address, const char *port)
{
	struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &where.sin_addr);
	/* Without it a router starts, and answers for no name. */
	if (bind(fd, (void *)&where, sizeof where)) {
		fprintf(stderr, "tunneler: no resolver on %s:%s: %s\n", address, port, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* The first address of a range is the router's, or the resolver's, and not a name's. */
static void take_range(const char *range)
{
	char address[INET_ADDRSTRLEN];

	if (sscanf(range, "%15[0-9.]", address) != 1 || !inet_aton(address, &next_name)) {
		errno = EINVAL;
		fail(range);
	}
	next_name.s_addr = htonl(ntohl(next_name.s_addr) + 1);
	on_lo("replace", range);
}

static void serve(int resolver)
{
	struct pollfd *ready = NULL;
	struct service **owner = NULL;
	size_t count = 1;

	for (struct service *s = services; s; s = s->next)
		count++;
	ready = calloc(count, sizeof *ready);
	owner = calloc(count, sizeof *owner);
	if (!ready || !owner)
		fail("memory");
	ready[0] = (struct pollfd) { resolver, POLLIN, 0 };
	count = 1;
	for (struct service *s = services; s; s = s->next, count++) {
		ready[count] = (struct pollfd) { s->listener, POLLIN, 0 };
		owner[count] = s;
	}
	if (poll(ready, count, open_circuits()) > 0) {
		for (size_t i = 1; i < count; i++) {
			if (!ready[i].revents)
				continue;
			if (is_tcp(owner[i]))
				accept_connection(owner[i]);
			else
				take_datagram(owner[i]);
		}
		if (ready[0].revents)
			resolve(resolver);
	}
	free(ready);
	free(owner);
}

int main(int argc, char **argv)
{
	struct sigaction on_stop = { .sa_handler = stop };
	struct timespec read_at = { 0 };
	int64_t look = 0;

	if (argc != 7) {
		fprintf(stderr, "usage: tunneler DIVERTER SERVICES AWAY RESOLVER PORT RANGE\n");
		return 2;
	}
	diverter = argv[1];
	away = argv[3];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGTERM, &on_stop, NULL);
	sigaction(SIGINT, &on_stop, NULL);
	gethostname(host, sizeof host - 1);
	srandom((unsigned)time(NULL) ^ (unsigned)getpid());

	if (RUN((char *)diverter, "-V")) {
		fprintf(stderr, "tunneler: failed to launch external tproxy diverter %s\n", diverter);
		return EXIT_FAILURE;
	}
	int resolver = resolver_at(argv[4], argv[5]);
	take_range(argv[6]);
	while (!stopping) {
		struct stat file;

		if (now_ms() >= look && !is_away() && stat(argv[2], &file) == 0 && memcmp(&read_at, &file.st_mtim, sizeof read_at)) {
			read_at = file.st_mtim;
			read_services(argv[2]);
		}
		if (now_ms() >= look)
			look = now_ms() + LOOK_MS;
		serve(resolver);
	}
	for (struct service *s = services; s; s = s->next)
		if (!s->wildcard)
			withdraw(s);
	on_lo("delete", argv[6]);
	return EXIT_SUCCESS;
}
