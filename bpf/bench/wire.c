// SPDX-License-Identifier: Apache-2.0
/*
 * wire send OBJECT INTERFACE plain|geneve|gpe MTU STREAMS
 *     TCP streams to 100.64.0.1 until it is terminated, as a wire brings them: the kernel sends one frame over and over (live
 *     frames of BPF_PROG_TEST_RUN), a program makes it the next of a stream, another reads what the receiver acknowledges. So
 *     sending costs little, and nothing of it is a client's TCP. Prints how many frames were sent, and how often a stream went back
 *     to what was acknowledged.
 * wire sink STREAMS SECONDS
 *     accepts and reads them; prints gigabits, seconds, and those of a processor.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define SERVICE "100.64.0.1"
#define CLIENT "192.168.1.2"
#define FRAME_MAX 16384
#define LIVE_MAX 3072 /* what is longer does not fit into a page */
#define BATCH 64 /* frames, as many as a card's poll takes */
#define FRAMES 1024
#define BUFFER 131072
#define WAITING 10 /* seconds for either end to come */

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static long checked(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

/* Returns the sum of 16-bit words, not folded, of a few hundred bytes at the most. */
static __u32 summed(const void *bytes, size_t size)
{
	__u32 sum = 0;
	for (size_t i = 0; i < size / 2; i++)
		sum += ((const __u16 *)bytes)[i];
	return sum;
}

/* The outer headers are GENEVE's as AWS has them, or its stand-in's; what lengths change is written later. */
static const __u8 ethernet[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
static const __u8 outer[] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0xc3, 0x50, 0x17, 0xc1, 0, 0, 0, 0 };
static const __u8 geneve[] = { 8, 0, 8, 0, 0, 0, 0, 0, 1, 8, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1,
			       1, 8, 2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 1, 8, 3, 1, 0, 0, 0, 3 };
static const __u8 gpe[] = { 0x0c, 0, 0, 1, 0, 0, 0, 0 };

static __u8 *put(__u8 *at, const void *bytes, size_t size)
{
	memcpy(at, bytes, size);
	return at + size;
}

/* Writes Ethernet and outer headers; returns where the inner ones begin. */
static size_t put_outer(__u8 *frame, const char *way, size_t inner_length)
{
	__u8 *at = put(frame, ethernet, sizeof(ethernet)), *ip = at;
	if (strcmp(way, "plain") == 0)
		return at - frame;
	at = put(at, outer, sizeof(outer));
	at = strcmp(way, "gpe") == 0 ? put(at, gpe, sizeof(gpe)) : put(at, geneve, sizeof(geneve));
	size_t length = at - ip + inner_length;
	*(__u16 *)(ip + 2) = htons(length);
	*(__u16 *)(ip + 24) = htons(length - 20);
	*(__u16 *)(ip + 10) = folded(summed(ip, 20));
	return at - frame;
}

/* Writes a frame of a stream with `payload` bytes of zeros; returns its length. Checksums are right for what is in it. */
static size_t put_frame(__u8 *frame, const char *way, struct stream *stream, int index, int flags, const void *options, size_t options_size,
			size_t payload)
{
	size_t transport = sizeof(struct tcphdr) + options_size + payload;
	size_t inner = put_outer(frame, way, sizeof(struct iphdr) + transport);
	struct iphdr *ip = (void *)(frame + inner);
	struct tcphdr *tcp = (void *)(ip + 1);
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .tot_len = htons(sizeof(*ip) + transport), .frag_off = htons(0x4000), .ttl = 64,
			      .protocol = IPPROTO_TCP, .saddr = inet_addr(CLIENT), .daddr = inet_addr(SERVICE) };
	*tcp = (struct tcphdr){ .source = htons(FIRST_PORT + index), .dest = htons(PORT), .doff = (sizeof(*tcp) + options_size) / 4,
				.ack_seq = htonl(stream->heard), .window = htons(65535) };
	((__u8 *)tcp)[13] = flags;
	memcpy(tcp + 1, options, options_size);
	memset((__u8 *)(tcp + 1) + options_size, 0, payload);
	stream->ip_sum = summed(ip, sizeof(*ip));
	stream->tcp_sum = summed(&ip->saddr, 8) + htons(IPPROTO_TCP) + htons(transport) + summed(tcp, sizeof(*tcp) + options_size);
	ip->check = folded(stream->ip_sum);
	tcp->seq = htonl(stream->next);
	tcp->check = folded(stream->tcp_sum + (tcp->seq & 0xffff) + (tcp->seq >> 16));
	return inner + sizeof(*ip) + transport;
}

static int run(int program, void *frame, size_t size, unsigned repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = size, .repeat = repeat, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = repeat > BATCH ? BATCH : repeat);
	return bpf_prog_test_run_opts(program, &options);
}

static volatile bool ended;
static void end(int signal)
{
	(void)signal;
	ended = true;
}

static __u64 nanoseconds(void)
{
	return now() * 1e9;
}

/* Frames of more than a page are sent out of memory that is shared with the kernel, which copies none but the first bytes. */
static void send_frames(struct wire *wire, const __u8 *frame, size_t size)
{
	int fd = checked(socket(AF_PACKET, SOCK_RAW, 0), "a packet socket"), version = TPACKET_V2, on = 1, room = FRAMES * FRAME_MAX;
	struct tpacket_req request = { .tp_block_size = FRAME_MAX, .tp_block_nr = FRAMES, .tp_frame_size = FRAME_MAX, .tp_frame_nr = FRAMES };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = 0, .sll_ifindex = wire->ifindex };
	checked(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)), "PACKET_VERSION");
	checked(setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)), "PACKET_QDISC_BYPASS");
	checked(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)), "PACKET_TX_RING");
	checked(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)), "SO_SNDBUFFORCE");
	checked(bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	__u8 *ring = mmap(NULL, FRAMES * FRAME_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		checked(-1, "mmap");
	for (unsigned i = 0, queued = 0; !ended;) {
		volatile struct tpacket2_hdr *header = (void *)(ring + i * FRAME_MAX);
		__u8 *data = (__u8 *)header + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll);
		struct stream *stream = header->tp_status == TP_STATUS_AVAILABLE ? next_stream(wire, nanoseconds) : NULL;
		if (stream) {
			if (!header->tp_len)
				memcpy(data, frame, size);
			write_next(wire, stream, data, (void *)(data + wire->inner), (void *)(data + wire->inner + sizeof(struct iphdr)));
			header->tp_len = size;
			header->tp_status = TP_STATUS_SEND_REQUEST;
			i = (i + 1) % FRAMES;
			queued++;
		}
		if (queued == BATCH || (!stream && queued)) {
			send(fd, NULL, 0, MSG_DONTWAIT);
			queued = 0;
		}
	}
}

static void send_streams(const char *path, const char *interface, const char *way, int mtu, int count)
{
	static __u8 frame[FRAME_MAX];
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "wire: %s cannot be loaded\n", path);
		exit(1);
	}
	int map = bpf_object__find_map_fd_by_name(object, "wires");
	int as_is = bpf_program__fd(bpf_object__find_program_by_name(object, "send_as_is"));
	int next = bpf_program__fd(bpf_object__find_program_by_name(object, "send_next"));
	int hear = bpf_program__fd(bpf_object__find_program_by_name(object, "hear"));
	struct wire *wire = mmap(NULL, sizeof(*wire), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (wire == MAP_FAILED)
		checked(-1, "mmap");
	wire->ifindex = if_nametoindex(interface);
	checked(wire->ifindex ? 0 : -1, interface);
	wire->count = count;
	wire->payload = mtu - sizeof(struct iphdr) - sizeof(struct tcphdr);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = wire->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = hear, .priority = 1, .handle = 1);
	checked(bpf_tc_attach(&hook, &filter), "bpf_tc_attach");

	/* The SYN asks for the size of segments, and windows with a scale. */
	const __u8 asked[] = { 2, 4, wire->payload >> 8, wire->payload, 1, 3, 3, 7 };
	for (int i = 0; i < count; i++) {
		struct stream *stream = &wire->streams[i];
		stream->next = random();
		size_t size = put_frame(frame, way, stream, i, 0x02, asked, sizeof(asked), 0);
		for (double until = now() + WAITING; ((volatile struct stream *)stream)->state != ANSWERED; usleep(10000)) {
			if (now() > until) {
				fprintf(stderr, "wire: nobody answers stream %d\n", i);
				exit(1);
			}
			checked(run(as_is, frame, size, 1), "a frame to connect");
		}
		stream->acked = ++stream->next;
		size = put_frame(frame, way, stream, i, 0x10, NULL, 0, 0);
		checked(run(as_is, frame, size, 1), "a frame to connect");
	}
	size_t size = 0;
	for (int i = 0; i < count; i++) {
		struct stream *stream = &wire->streams[i];
		size = put_frame(frame, way, stream, i, 0x10, NULL, 0, wire->payload);
		wire->inner = size - mtu;
		memcpy(stream->headers, frame, HEADERS_MAX);
	}

	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = end }, NULL);
	if (size > LIVE_MAX)
		send_frames(wire, frame, size);
	else if (run(next, frame, size, ~0u) == 0 || errno != EINTR)
		checked(-1, "frames");
	filter.flags = filter.prog_fd = filter.prog_id = 0;
	checked(bpf_tc_detach(&hook, &filter), "bpf_tc_detach");
	long again = 0;
	for (int i = 0; i < count; i++)
		again += wire->streams[i].again;
	printf("%llu %ld\n", wire->sent, again);
}

static void sink(int count, double seconds)
{
	static char buffer[BUFFER];
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(SERVICE), .sin_port = htons(PORT) };
	int listener = checked(socket(AF_INET, SOCK_STREAM, 0), "socket"), on = 1, epoll = checked(epoll_create1(0), "epoll");
	struct timeval patience = { .tv_sec = WAITING };
	prctl(PR_SET_NAME, "sink");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	checked(bind(listener, (struct sockaddr *)&at, sizeof(at)), "bind");
	checked(listen(listener, STREAMS_MAX), "listen");
	for (int i = 0; i < count; i++) {
		/* A reset closes it: nobody is there to answer anything else. */
		struct linger none = { .l_onoff = 1 };
		struct epoll_event event = { .events = EPOLLIN, .data.fd = checked(accept(listener, NULL, NULL), "accept") };
		setsockopt(event.data.fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
		epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
	}
	double start = 0, last = 0;
	long long bytes = 0;
	do {
		struct epoll_event ready[STREAMS_MAX];
		int n = epoll_wait(epoll, ready, STREAMS_MAX, 1000);
		if (!start)
			start = now();
		for (int i = 0; i < n; i++)
			bytes += checked(recv(ready[i].data.fd, buffer, sizeof(buffer), MSG_DONTWAIT), "recv");
		last = now();
	} while (last - start < seconds);
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("%.3f %.3f %.3f\n", bytes * 8 / 1e9, last - start,
	       usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

int main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "send") == 0)
		send_streams(argv[2], argv[3], argv[4], atoi(argv[5]), atoi(argv[6]));
	else if (argc == 4 && strcmp(argv[1], "sink") == 0)
		sink(atoi(argv[2]), atof(argv[3]));
	else {
		fprintf(stderr, "wire: see the head of its source\n");
		return 2;
	}
	return 0;
}
