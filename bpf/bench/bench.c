// SPDX-License-Identifier: Apache-2.0
/*
 * BPF_PROG_TEST_RUN tells nanoseconds a packet: one run for each fresh packet, because a second run on the same one would see it
 * already stripped. Run by run.sh in a namespace of its own, where eth0 is attached and the services are there.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../cli/diverter.h"

/* All cases take turns in rounds, so that a machine that others share is as slow for one as for another. */
static int rounds = 8;
#define RUNS 5000     /* of a case in a round */
#define WARM_UP 10000 /* before them: each service once, as when such traffic has flowed for a while */
#define SERVICE_PORT 443
#define CLIENT "192.168.1.1"    /* of the connections, which are within this namespace: its address is local */
#define STRANGER "192.168.2.1"  /* of what opens something */
#define ROUTER "10.0.0.2"
#define NODE "10.0.0.1"
#define FIRST_SERVICE "100.64.0.0" /* the next ones follow */
#define LISTENER_PORT 40000        /* TCP and UDP, on 127.0.0.1 */
#define CONNECTIONS 8192           /* more than there are packets in a tick of the kernel's clock */

/* The inner packet's payload is behind Ethernet, the outer headers of a load balancer, IPv4, TCP or UDP. */
#define INNER (14 + 20 + 8 + 8 + 32)
struct packet {
	unsigned char bytes[1600];
	unsigned length;
};

static void put16(unsigned char *at, unsigned value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put_ip(unsigned char *at, unsigned length, unsigned protocol, const char *from, in_addr_t to)
{
	memset(at, 0, 20);
	at[0] = 0x45;
	put16(at + 2, length);
	at[8] = 64;
	at[9] = protocol;
	inet_pton(AF_INET, from, at + 12);
	memcpy(at + 16, &to, 4);
	unsigned sum = 0;
	for (int i = 0; i < 20; i += 2)
		sum += at[i] << 8 | at[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(at + 10, ~(sum + (sum >> 16)));
}

static struct packet make(const char *client, unsigned protocol, unsigned flags, unsigned source_port, unsigned payload)
{
	static const unsigned char geneve[] = { 8, 0, 8, 0, 0, 0, 0, 0, 1, 8, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1,
						8, 2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 1, 8, 3, 1, 0, 0, 0, 3 };
	struct packet packet = { .length = INNER + 20 + (protocol == IPPROTO_TCP ? 20 : 8) + payload };
	unsigned char *at = packet.bytes;
	put16(at + 12, 0x0800);
	put_ip(at + 14, packet.length - 14, IPPROTO_UDP, NODE, inet_addr(ROUTER));
	put16(at + 34, 50000);
	put16(at + 36, 6081);
	put16(at + 38, packet.length - 34);
	memcpy(at + 42, geneve, sizeof(geneve));
	put_ip(at + INNER, packet.length - INNER, protocol, client, inet_addr(FIRST_SERVICE));
	put16(at + INNER + 20, source_port);
	put16(at + INNER + 22, SERVICE_PORT);
	if (protocol == IPPROTO_TCP) {
		at[INNER + 32] = 0x50;
		at[INNER + 33] = flags;
	} else {
		put16(at + INNER + 24, 8 + payload);
	}
	return packet;
}

static int ascending(const void *a, const void *b)
{
	return (*(const __u32 *)a > *(const __u32 *)b) - (*(const __u32 *)a < *(const __u32 *)b);
}

/* The services' addresses: so many, so far apart. */
static unsigned services, stride;

static void same(struct packet *packet, unsigned run)
{
	(void)packet, (void)run;
}

/* Gives each run another source port and another of the services. */
static void vary_flow(struct packet *packet, unsigned run)
{
	in_addr_t address = htonl(ntohl(inet_addr(FIRST_SERVICE)) + run * 7919 % services * stride);
	memcpy(packet->bytes + INNER + 16, &address, 4);
	put16(packet->bytes + INNER + 20, 1024 + run % 60000);
}

/* The clients' ports of connections to the first service. */
static unsigned short connections[CONNECTIONS];

static void vary_connection(struct packet *packet, unsigned run)
{
	put16(packet->bytes + INNER + 20, connections[run % CONNECTIONS]);
}

/* A case measures a program on a packet, changed before each run. */
struct measured {
	const char *name;
	int program;
	struct packet packet;
	void (*vary)(struct packet *packet, unsigned run);
};

static void run(struct measured *measured, int program, int round, __u32 *times)
{
	unsigned char out[2048];
	struct packet *packet = &measured->packet;
	struct __sk_buff context = { .ifindex = if_nametoindex("eth0"), .ingress_ifindex = if_nametoindex("eth0") };

	for (int i = -WARM_UP; i < RUNS; i++) {
		measured->vary(packet, round * (WARM_UP + RUNS) + i + WARM_UP);
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet->bytes, .data_size_in = packet->length, .data_out = out,
			    .data_size_out = sizeof(out), .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1);
		if (bpf_prog_test_run_opts(program, &options)) {
			perror("bpf_prog_test_run_opts");
			exit(1);
		}
		if (i >= 0)
			times[round * RUNS + i] = options.duration;
	}
}

/* The mean of the middle half is finer than the clock, whose steps the median has. */
static double midmean(const __u32 *ascending_times)
{
	__u64 sum = 0;
	int all = rounds * RUNS;
	for (int i = all / 4; i < all / 4 * 3; i++)
		sum += ascending_times[i];
	return (double)sum / (all / 2);
}

/* A case is told against the bare strip too, which none can do without, and against the earlier build, where there is one. */
static void print(const char *name, const __u32 *ascending_times, const __u32 *strip, const __u32 *earlier)
{
	double middle = midmean(ascending_times);
	printf("%-46s %8.1f %8u %8u %9.1fx", name, middle, ascending_times[rounds * RUNS / 2], ascending_times[rounds * RUNS / 100 * 99],
	       middle / midmean(strip));
	if (earlier)
		printf(" %8.1f %9.3fx", midmean(earlier), middle / midmean(earlier));
	printf("\n");
}

/* The kernel accounts for so many bytes of memory of the maps that are pinned. */
static void print_memory(void)
{
	unsigned long total = 0;
	DIR *directory = opendir(PINS);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char path[512], line[256];
		snprintf(path, sizeof(path), PINS "/%s", entry->d_name);
		int map = entry->d_name[0] == '.' ? -1 : bpf_obj_get(path);
		if (map < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
		FILE *info = fopen(path, "r");
		for (unsigned long bytes; info && fgets(line, sizeof(line), info);)
			if (sscanf(line, "memlock: %lu", &bytes) == 1)
				total += bytes;
		if (info)
			fclose(info);
		close(map);
	}
	if (directory)
		closedir(directory);
	printf("%-46s %8.1f MiB\n", "memory of all maps", total / 1048576.0);
}

static int baseline(struct bpf_object *object, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object, name));
}

/* Returns the program that a build has attached to an interface, whose maps are pinned in this folder. */
static int attached_program(const char *pins, const char *interface)
{
	struct attachment attachment;
	unsigned ifindex = if_nametoindex(interface);
	char path[512];
	snprintf(path, sizeof(path), "%s/interfaces", pins);
	int interfaces = bpf_obj_get(path);
	if (interfaces < 0 || bpf_map_lookup_elem(interfaces, &ifindex, &attachment)) {
		fprintf(stderr, "the diverter is not attached to %s\n", interface);
		exit(1);
	}
	close(interfaces);
	return bpf_prog_get_fd_by_id(attachment.ingress);
}

static int bound(int type, const char *address, unsigned port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address) };
	int fd = socket(AF_INET, type, 0);
	int on = 1;
	setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || (type == SOCK_STREAM && port && listen(fd, 1024))) {
		perror("a listener of the benchmark");
		exit(1);
	}
	return fd;
}

/* Connections are made between the client's and the first service's address, within this namespace. */
static void establish(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(SERVICE_PORT), .sin_addr.s_addr = inet_addr(FIRST_SERVICE) };
	int server = bound(SOCK_STREAM, FIRST_SERVICE, SERVICE_PORT);
	for (int i = 0; i < CONNECTIONS; i++) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		int client = bound(SOCK_STREAM, CLIENT, 0);
		if (connect(client, (struct sockaddr *)&to, sizeof(to)) || accept(server, NULL, NULL) < 0) {
			perror("a connection of the benchmark");
			exit(1);
		}
		getsockname(client, (struct sockaddr *)&from, &size);
		connections[i] = ntohs(from.sin_port);
	}
	close(server);
}

#define ANSWERS 5000 /* of a way in a round */
#define ANSWER_ROUNDS 24

/* An answer's whole way, from the socket to the wire, takes the processor time of a reply socket's sendto(): in nanoseconds. */
static double answer_time(int socket, const struct sockaddr_in *client)
{
	static const char datagram[1200];
	struct timespec start, end;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	for (int i = 0; i < ANSWERS; i++)
		if (sendto(socket, datagram, sizeof(datagram), 0, (const void *)client, sizeof(*client)) < 0) {
			perror("an answer of the benchmark");
			exit(1);
		}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	return ((end.tv_sec - start.tv_sec) * 1e9 + end.tv_nsec - start.tv_nsec) / ANSWERS;
}

static int ascending_doubles(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Answers of one flow go by our device, and by the interface itself as before there was one: each way set by a command, in turns. */
static int measure_answers(char **commands)
{
	const char *names[] = { "by the reply device", "by the interface's own route, as before it" };
	double times[2][ANSWER_ROUNDS];
	unsigned char out[2048];
	struct packet udp = make(STRANGER, IPPROTO_UDP, 0, 1024, 32);
	struct sockaddr_in client = { .sin_family = AF_INET, .sin_port = htons(1024), .sin_addr.s_addr = inet_addr(STRANGER) };
	struct __sk_buff context = { .ifindex = if_nametoindex("eth0"), .ingress_ifindex = if_nametoindex("eth0") };
	LIBBPF_OPTS(bpf_test_run_opts, opens, .data_in = udp.bytes, .data_size_in = udp.length, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1);
	bound(SOCK_DGRAM, "127.0.0.1", LISTENER_PORT);
	int socket = bound(SOCK_DGRAM, FIRST_SERVICE, SERVICE_PORT);
	if (bpf_prog_test_run_opts(attached_program(PINS, "eth0"), &opens)) {
		perror("bpf_prog_test_run_opts");
		return 1;
	}
	for (int round = -1; round < ANSWER_ROUNDS; round++) /* the first warms up */
		for (int way = 0; way < 2; way++) {
			if (system(commands[way]))
				return 1;
			double time = answer_time(socket, &client);
			if (round >= 0)
				times[way][round] = time;
		}
	for (int way = 0; way < 2; way++) {
		qsort(times[way], ANSWER_ROUNDS, sizeof(double), ascending_doubles);
		printf("%-46s %8.0f ns, median of %d rounds (%.0f to %.0f)\n", names[way], times[way][ANSWER_ROUNDS / 2],
		       ANSWER_ROUNDS, times[way][0], times[way][ANSWER_ROUNDS - 1]);
	}
	printf("%-46s %8.2f, of the fastest rounds %.2f\n", "ratio", times[0][ANSWER_ROUNDS / 2] / times[1][ANSWER_ROUNDS / 2],
	       times[0][0] / times[1][0]);
	return 0;
}

#define SYN 0x02
#define ACK 0x10

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "answers"))
		return measure_answers(argv + 2);
	struct bpf_object *object = argc == 4 || argc == 5 ? bpf_object__open_file(argv[3], NULL) : NULL;
	if (!object || libbpf_get_error(object) || bpf_object__load(object)) {
		fprintf(stderr, "bench SERVICES STRIDE BASELINE_OBJECT [PINS_OF_EARLIER] | answers COMMAND COMMAND\n");
		return 1;
	}
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (getenv("ROUNDS"))
		rounds = atoi(getenv("ROUNDS"));
	services = atoi(argv[1]);
	stride = atoi(argv[2]);
	bound(SOCK_STREAM, "127.0.0.1", LISTENER_PORT);
	bound(SOCK_DGRAM, "127.0.0.1", LISTENER_PORT);
	establish();
	struct packet data = make(CLIENT, IPPROTO_TCP, ACK, connections[0], 1400);
	struct packet syn = make(STRANGER, IPPROTO_TCP, SYN, 1024, 0);
	struct packet udp = make(STRANGER, IPPROTO_UDP, 0, 1024, 32);
	struct packet refused = udp;
	refused.bytes[42] |= 0x40; /* GENEVE version 1 */
	struct packet stranger = udp;
	put_ip(stranger.bytes + 14, udp.length - 14, IPPROTO_UDP, "172.16.0.1", inet_addr(ROUTER));
	struct packet unwanted = udp;
	put16(unwanted.bytes + INNER + 22, SERVICE_PORT + 1);
	struct packet other = udp;
	put16(other.bytes + 36, 53);

	int diverter = attached_program(PINS, "eth0"), earlier = argc == 5 ? attached_program(argv[4], "earlier") : -1;
	int empty = baseline(object, "empty"), strip = baseline(object, "strip"), find = baseline(object, "find"),
	    assign = baseline(object, "assign");
	struct measured all[] = {
		{ "empty program", empty, udp, same },
		{ "bare strip", strip, udp, same },
		{ "bare find and strip", find, data, same },
		{ "bare find and strip, each another connection", find, data, vary_connection },
		{ "bare find, strip and assign, each another flow", assign, syn, vary_flow },
		{ "established TCP, 1400 bytes", diverter, data, same },
		{ "established TCP, each another connection", diverter, data, vary_connection },
		{ "SYN, always the same", diverter, syn, same },
		{ "SYN, each another flow", diverter, syn, vary_flow },
		{ "UDP, always the same", diverter, udp, same },
		{ "UDP, each another flow", diverter, udp, vary_flow },
		{ "refused: GENEVE version", diverter, refused, same },
		{ "refused: source not allowed", diverter, stranger, same },
		{ "refused: no service, each another flow", diverter, unwanted, vary_flow },
		{ "passed: UDP to another port", diverter, other, same },
	};
	const int count = sizeof(all) / sizeof(*all);
	__u32 *times[sizeof(all) / sizeof(*all)], *earlier_times[sizeof(all) / sizeof(*all)];
	for (int i = 0; i < count; i++) {
		times[i] = calloc(rounds * RUNS, sizeof(__u32));
		earlier_times[i] = calloc(rounds * RUNS, sizeof(__u32));
	}
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < count; i++) {
			int compared = earlier >= 0 && all[i].program == diverter;
			/* The second build finds in the processor's caches what the first has brought: so they change places. */
			if (compared && round % 2)
				run(&all[i], earlier, round, earlier_times[i]);
			run(&all[i], all[i].program, round, times[i]);
			if (compared && round % 2 == 0)
				run(&all[i], earlier, round, earlier_times[i]);
		}
	print_memory();
	printf("%-46s %8s %8s %8s %10s", "ns a packet", "midmean", "median", "p99", "of strip");
	if (earlier >= 0)
		printf(" %8s %10s", "earlier", "of earlier");
	printf("\n");
	for (int i = 0; i < count; i++) {
		qsort(times[i], rounds * RUNS, sizeof(__u32), ascending);
		qsort(earlier_times[i], rounds * RUNS, sizeof(__u32), ascending);
	}
	for (int i = 0; i < count; i++)
		print(all[i].name, times[i], times[1], earlier >= 0 && all[i].program == diverter ? earlier_times[i] : NULL);
	return 0;
}
