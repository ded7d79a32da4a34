// SPDX-License-Identifier: Apache-2.0
/*
 * Tests of the diverter have this done inside a namespace, by a verb each:
 *
 *   run IF                        runs the program attached to IF on each packet of stdin; a reply for each on stdout
 *   send IF [TIMES MICROSECONDS]  sends each packet of stdin on IF as it is, so often, so far apart
 *   pieces IF SIZE                makes IF; each packet of stdin arrives on it, its first SIZE bytes linear and the rest in
 *                                 pages, as from a network card
 *   merged IF SIZE                makes IF; each packet of stdin, with TCP in GENEVE, arrives on it as what the kernel has merged
 *                                 out of segments of SIZE bytes
 *   capture IF                    prints each packet that arrives on IF
 *   listen tcp|udp|segments ADDRESS PORT
 *                                 a tunneler's transparent listener: prints what it receives, echoes it; `segments`: UDP, in
 *                                 datagrams of 1,000 bytes, which the kernel is to cut (UDP_SEGMENT)
 *   connect tcp|udp FROM TO PORT [FROMPORT]
 *                                 sends each line of stdin, prints its echo
 *   tunnel TUN NODE ROUTER [0|1 [ENDPOINT]]
 *                                 a load balancer node: GENEVE to and from the router for what is routed to TUN, by UDP without
 *                                 checksums (0) or with them, behind the endpoint of this number (225)
 *   offload IF FEATURE on|off     what `ethtool -K` does
 *   runs IF                       prints how often the program attached to IF was run, while the kernel counts it
 *   tcx IF                        prints which programs see what passes IF by tcx, in their order
 *   front IF SIDE NAME VERDICT    puts a program before them that says VERDICT of every packet
 *   take IF SIDE                  takes the first of them off
 *   maps                          prints each map that is pinned: name, type, entries, bytes of key and value, whether mmapable
 *   scribble TEXT                 writes TEXT over each rule's service, in all its bytes, and that the rule is its own next
 *   secret IF                     prints what the places of fragmented datagrams are chosen by
 *   log PATH                      prints each line that syslog(3) sends to this socket
 *   without-tcx COMMAND...        runs COMMAND as on a kernel before 6.6: it attaches nothing by tcx, and asks for nothing there
 *   kill N COMMAND...             kills COMMAND right before its Nth step, which is a call of bpf() or a message to the kernel's
 *                                 routes and devices; exit code 1 if it makes fewer
 *
 * Packets on stdin are a 32-bit length (of this machine's order) and their bytes; a reply of `run` is the verdict, the
 * program's verdict and the length of what became of the packet, 32 bits each, and its bytes. They come at the latest when a
 * length of 0 asks for them.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include "../../bpf/cli/diverter.h"

#define PACKET_MAX 65536
#define GENEVE_PORT 6081

static void die(const char *what)
{
	fprintf(stderr, "harness: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int checked(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

/* False at the end of stdin. */
static bool read_packet(unsigned char *packet, unsigned *length)
{
	if (fread(length, sizeof(*length), 1, stdin) != 1)
		return false;
	if (*length > PACKET_MAX || fread(packet, 1, *length, stdin) != *length)
		die("a packet on stdin");
	return true;
}

static void print_hex(const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		printf("%02x", bytes[i]);
}

static struct attachment attachment(unsigned ifindex)
{
	struct attachment found;
	int interfaces = checked(bpf_obj_get(PINS "/interfaces"), PINS "/interfaces");
	checked(bpf_map_lookup_elem(interfaces, &ifindex, &found), "the attached program");
	return found;
}

static int attached_program(unsigned ifindex)
{
	return checked(bpf_prog_get_fd_by_id(attachment(ifindex).ingress), "the attached program");
}

static void print_runs(const char *interface)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	checked(bpf_obj_get_info_by_fd(attached_program(if_nametoindex(interface)), &info, &size), interface);
	printf("%llu\n", info.run_cnt);
}

/* The command's own files, of which some are linked here, fail by this. */
void fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	exit(1);
}

static const char *const sides[] = { [BPF_TC_INGRESS] = "ingress", [BPF_TC_EGRESS] = "egress" };

static enum bpf_tc_attach_point side_of(const char *name)
{
	return strcmp(name, "ingress") == 0 ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

static void print_tcx(const char *interface)
{
	struct tcx_list list;
	char name[BPF_OBJ_NAME_LEN];
	for (int side = BPF_TC_INGRESS; side <= BPF_TC_EGRESS; side++) {
		tcx_list(if_nametoindex(interface), side, &list);
		for (__u32 i = 0; i < list.count; i++)
			printf("%s %s\n", sides[side], tcx_name(list.ids[i], name) ? name : "?");
	}
}

static void print_maps(void)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	char path[PIN_PATH];
	DIR *directory = opendir(PINS);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), PINS "/%s", entry->d_name);
		checked(bpf_obj_get_info_by_fd(checked(bpf_obj_get(path), path), &info, &size), path);
		printf("%s %s %u %u %u%s\n", entry->d_name, libbpf_bpf_map_type_str(info.type), info.max_entries, info.key_size,
		       info.value_size, info.map_flags & BPF_F_MMAPABLE ? " mmapable" : "");
	}
}

static void scribble(const char *text)
{
	struct rule_node node;
	__u32 key, *at = NULL;
	int claims = checked(bpf_obj_get(PINS "/claims"), "claims");
	for (; bpf_map_get_next_key(claims, at, &key) == 0; at = &key) {
		checked(bpf_map_lookup_elem(claims, &key, &node), "claims");
		node.next = key;
		for (size_t i = 0; i < sizeof(node.service); i++)
			node.service[i] = text[i % strlen(text)];
		checked(bpf_map_update_elem(claims, &key, &node, BPF_EXIST), "claims");
	}
}

static void change_tcx(int command, const char *interface, enum bpf_tc_attach_point side, int program, __u32 flags)
{
	__u32 attributes[8] = { if_nametoindex(interface), program, side == BPF_TC_INGRESS ? 46 : 47, flags };
	checked(syscall(SYS_bpf, command, attributes, sizeof(attributes)), interface);
}

static void put_front(const char *interface, const char *side, const char *name, int verdict)
{
	const struct bpf_insn code[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = verdict }, { .code = BPF_JMP | BPF_EXIT } };
	int program = checked(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, "GPL", code, 2, NULL), "a program");
	change_tcx(BPF_PROG_ATTACH, interface, side_of(side), program, 1 << 3 /* BPF_F_BEFORE */);
}

static void take_first(const char *interface, const char *side)
{
	struct tcx_list list;
	tcx_list(if_nametoindex(interface), side_of(side), &list);
	change_tcx(BPF_PROG_DETACH, interface, side_of(side), checked(bpf_prog_get_fd_by_id(list.ids[0]), "the first program"), 0);
}

static void read_counters(int map, __u64 sums[COUNTERS])
{
	int cpus = libbpf_num_possible_cpus();
	static __u64 values[COUNTERS * 1024];
	__u32 keys[COUNTERS], batch, count = COUNTERS;
	if (bpf_map_lookup_batch(map, NULL, &batch, keys, values, &count, NULL) && errno != ENOENT)
		die("counters");
	memset(sums, 0, COUNTERS * sizeof(*sums));
	for (__u32 i = 0; i < count; i++)
		for (int cpu = 0; cpu < cpus; cpu++)
			sums[keys[i]] += values[i * cpus + cpu];
}

static void run(const char *interface)
{
	static unsigned char packet[PACKET_MAX], out[PACKET_MAX];
	unsigned ifindex = if_nametoindex(interface), length;
	int program = attached_program(ifindex), map = checked(bpf_obj_get(PINS "/counters"), PINS "/counters");
	__u64 before[COUNTERS], after[COUNTERS];
	bool first = true;

	while (read_packet(packet, &length)) {
		if (!length) {
			fflush(stdout);
			first = true;
			continue;
		}
		/* Counts since the packets before are not of this one. */
		if (first)
			read_counters(map, before);
		first = false;
		struct __sk_buff context = { .ifindex = ifindex, .ingress_ifindex = ifindex };
		DECLARE_LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = length, .data_out = out,
				    .data_size_out = sizeof(out), .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1);
		checked(bpf_prog_test_run_opts(program, &options), "bpf_prog_test_run_opts");
		read_counters(map, after);
		__u32 reply[3] = { COUNTERS, options.retval, options.data_size_out };
		for (__u32 reason = 0; reason < COUNTERS; reason++)
			if (after[reason] != before[reason])
				reply[0] = reason;
		memcpy(before, after, sizeof(before));
		fwrite(reply, sizeof(reply), 1, stdout);
		fwrite(out, 1, options.data_size_out, stdout);
	}
}

static int packet_socket(const char *interface, int protocol)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = if_nametoindex(interface) };
	int fd = checked(socket(AF_PACKET, SOCK_RAW, 0), "AF_PACKET");
	checked(bind(fd, (struct sockaddr *)&at, sizeof(at)), interface);
	return fd;
}

static void send_packets(const char *interface, int times, int microseconds)
{
	static unsigned char packet[PACKET_MAX];
	unsigned length;
	int fd = packet_socket(interface, 0);
	while (read_packet(packet, &length)) {
		for (int i = 0; i < times; i++) {
			checked(send(fd, packet, length, 0), "send");
			if (microseconds)
				usleep(microseconds);
		}
	}
}

static int tun(const char *name, short flags)
{
	struct ifreq request = { .ifr_flags = flags | IFF_NO_PI };
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	int fd = checked(open("/dev/net/tun", O_RDWR), "/dev/net/tun");
	checked(ioctl(fd, TUNSETIFF, &request), name);
	return fd;
}

#define PIECES 16
static void send_pieces(const char *interface, unsigned size)
{
	static unsigned char packet[PACKET_MAX];
	unsigned length;
	int fd = tun(interface, IFF_TAP | IFF_NAPI | IFF_NAPI_FRAGS);
	puts("ready");
	while (read_packet(packet, &length)) {
		struct iovec parts[PIECES + 1] = { { packet, size < length ? size : length } };
		int count = 1;
		for (unsigned at = size, piece = (length - size) / PIECES + 1; at < length; at += piece, count++)
			parts[count] = (struct iovec){ packet + at, piece < length - at ? piece : length - at };
		checked(writev(fd, parts, count), "writev");
	}
}

#define HEADERS (14 + 20 + 8 + 40 + 20) /* before the inner TCP header */
static void send_merged(const char *interface, unsigned size)
{
	static struct {
		struct virtio_net_hdr header;
		unsigned char packet[PACKET_MAX];
	} __attribute__((packed)) frame = { .header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
							.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
							.hdr_len = HEADERS + sizeof(struct tcphdr),
							.csum_start = HEADERS,
							.csum_offset = offsetof(struct tcphdr, check) } };
	unsigned length;
	int fd = tun(interface, IFF_TAP | IFF_VNET_HDR);
	frame.header.gso_size = size;
	puts("ready");
	while (read_packet(frame.packet, &length))
		checked(write(fd, &frame, sizeof(frame.header) + length), "write");
}

static void capture(const char *interface)
{
	static unsigned char packet[PACKET_MAX];
	int fd = packet_socket(interface, ETH_P_ALL);
	puts("ready");
	for (;;) {
		struct sockaddr_ll from;
		socklen_t size = sizeof(from);
		ssize_t length = checked(recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &size), "recvfrom");
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		print_hex(packet, length);
		putchar('\n');
	}
}

union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union endpoint endpoint(const char *address, unsigned port)
{
	union endpoint at = {};
	if (inet_pton(AF_INET, address, &at.v4.sin_addr) == 1) {
		at.v4.sin_family = AF_INET;
		at.v4.sin_port = htons(port);
	} else {
		at.v6.sin6_family = AF_INET6;
		at.v6.sin6_port = htons(port);
		if (inet_pton(AF_INET6, address, &at.v6.sin6_addr) != 1)
			die(address);
	}
	return at;
}

static void print_endpoint(const union endpoint *at)
{
	char text[INET6_ADDRSTRLEN];
	if (at->any.sa_family == AF_INET)
		printf("%s %u ", inet_ntop(AF_INET, &at->v4.sin_addr, text, sizeof(text)), ntohs(at->v4.sin_port));
	else
		printf("%s %u ", inet_ntop(AF_INET6, &at->v6.sin6_addr, text, sizeof(text)), ntohs(at->v6.sin6_port));
}

/* OpenZiti's tproxy makes such a socket: transparent, reusable, told the original destination. */
static int bound(int type, const union endpoint *at)
{
	bool v4 = at->any.sa_family == AF_INET;
	int on = 1, fd = checked(socket(at->any.sa_family, type, 0), "socket");
	checked(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	checked(v4 ? setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof(on)) : setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof(on)),
		"transparent");
	checked(v4 ? setsockopt(fd, SOL_IP, IP_RECVORIGDSTADDR, &on, sizeof(on))
		   : setsockopt(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR, &on, sizeof(on)),
		"original destination");
	checked(bind(fd, &at->any, v4 ? sizeof(at->v4) : sizeof(at->v6)), "bind");
	return fd;
}

static void listen_tcp(const union endpoint *at)
{
	int listener = bound(SOCK_STREAM, at);
	checked(listen(listener, 1024), "listen");
	puts("ready");
	for (;;) {
		union endpoint from, to;
		socklen_t from_size = sizeof(from), to_size = sizeof(to);
		int fd = checked(accept(listener, &from.any, &from_size), "accept");
		getsockname(fd, &to.any, &to_size);
		print_endpoint(&from);
		print_endpoint(&to);
		putchar('\n');
		if (fork())
			continue;
		checked(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
		char data[65536];
		for (ssize_t length; (length = read(fd, data, sizeof(data))) > 0;)
			if (write(fd, data, length) != length)
				break;
		exit(0);
	}
}

/* Answers come from a second socket, bound to the original destination, which stays open for a while: as OpenZiti does. */
static void listen_udp(const union endpoint *at, int segment)
{
	static char data[65536], control[256];
	int open_replies[256] = {};
	unsigned answered = 0;
	int fd = bound(SOCK_DGRAM, at);
	puts("ready");
	for (;;) {
		union endpoint from = {}, to = {};
		struct iovec part = { data, sizeof(data) };
		struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1,
					  .msg_control = control, .msg_controllen = sizeof(control) };
		ssize_t length = checked(recvmsg(fd, &message, 0), "recvmsg");
		for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one))
			memcpy(&to, CMSG_DATA(one), one->cmsg_len - CMSG_LEN(0));
		print_endpoint(&from);
		print_endpoint(&to);
		printf("%zd ", length);
		print_hex((unsigned char *)data, length < 32 ? length : 32);
		putchar('\n');
		int *reply = &open_replies[answered++ % 256];
		if (*reply)
			close(*reply);
		*reply = bound(SOCK_DGRAM, &to);
		checked(setsockopt(*reply, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)), "UDP_SEGMENT");
		sendto(*reply, data, length, 0, &from.any, message.msg_namelen);
	}
}

static void connect_to(int type, const union endpoint *from, const union endpoint *to)
{
	static char line[65536];
	int fd = bound(type, from);
	checked(connect(fd, &to->any, to->any.sa_family == AF_INET ? sizeof(to->v4) : sizeof(to->v6)), "connect");
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		ssize_t rest = strlen(line);
		checked(write(fd, line, rest), "write");
		while (rest > 0) {
			ssize_t length = checked(read(fd, line, sizeof(line)), "read");
			if (!length)
				return;
			fwrite(line, 1, length, stdout);
			rest = type == SOCK_STREAM ? rest - length : 0;
		}
	}
}

static void tunnel(const char *name, const char *node, const char *router, int unchecked, unsigned char endpoint_id)
{
	unsigned char options[] = { 1, 8, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0xe1, 1, 8, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0xa1, 1, 8, 3, 1,
						 0, 0, 0, 0xc1 };
	options[11] = endpoint_id;
	static unsigned char packet[PACKET_MAX];
	const size_t header = 8 + sizeof(options);
	int device = tun(name, IFF_TUN);
	union endpoint out = endpoint(node, 50000), in = endpoint(node, GENEVE_PORT), to = endpoint(router, GENEVE_PORT);
	int sender = bound(SOCK_DGRAM, &out), receiver = bound(SOCK_DGRAM, &in);
	checked(setsockopt(sender, SOL_SOCKET, SO_NO_CHECK, &unchecked, sizeof(unchecked)), "SO_NO_CHECK");
	puts("ready");
	for (;;) {
		struct pollfd ready[] = { { .fd = device, .events = POLLIN }, { .fd = receiver, .events = POLLIN } };
		checked(poll(ready, 2, -1), "poll");
		if (ready[0].revents) {
			ssize_t length = checked(read(device, packet + header, sizeof(packet) - header), "read");
			memcpy(packet, (unsigned char[]){ 8, 0, 8, 0, 0, 0, 0, 0 }, 8);
			if (packet[header] >> 4 == 6)
				memcpy(packet + 2, (unsigned char[]){ 0x86, 0xdd }, 2);
			/* The device says things of itself by multicast, at any time, which would be counted as well. */
			if (packet[header] >> 4 == 6 && packet[header + 24] == 0xff)
				continue;
			memcpy(packet + 8, options, sizeof(options));
			sendto(sender, packet, header + length, 0, &to.any, sizeof(to.v4));
		}
		if (ready[1].revents) {
			ssize_t length = checked(recv(receiver, packet, sizeof(packet), 0), "recv");
			print_hex(packet, header);
			putchar('\n');
			if (length > (ssize_t)header && write(device, packet + header, length - header) < 0)
				perror("harness: tun");
		}
	}
}

static void print_log(const char *path)
{
	static char line[65536];
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
	int fd = checked(socket(AF_UNIX, SOCK_DGRAM, 0), "socket");
	checked(bind(fd, (struct sockaddr *)&at, sizeof(at)), path);
	checked(chmod(path, 0666), path);
	puts("ready");
	for (;;)
		printf("%.*s\n", checked(recv(fd, line, sizeof(line), 0), "recv"), line);
}

/* Goes on to where the command makes or has made its next system call. False if it has ended. */
static bool next_stop(pid_t child)
{
	int status;
	checked(ptrace(PTRACE_SYSCALL, child, 0, 0), "PTRACE_SYSCALL");
	checked(waitpid(child, &status, 0), "waitpid");
	return WIFSTOPPED(status);
}

static bool before_step(pid_t child)
{
	struct ptrace_syscall_info call;
	checked(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(call), &call), "PTRACE_GET_SYSCALL_INFO");
	return call.op == PTRACE_SYSCALL_INFO_ENTRY && (call.entry.nr == SYS_bpf || call.entry.nr == SYS_sendto);
}

static int kill_before(int n, char **command)
{
	pid_t child = checked(fork(), "fork");
	if (child == 0) {
		checked(ptrace(PTRACE_TRACEME, 0, 0, 0), "PTRACE_TRACEME");
		execv(command[0], command);
		die(command[0]);
	}
	checked(waitpid(child, NULL, 0), "waitpid");
	checked(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), "PTRACE_SETOPTIONS");
	while (next_stop(child)) {
		if (before_step(child) && --n == 0) {
			kill(child, SIGKILL);
			waitpid(child, NULL, 0);
			return 0;
		}
	}
	return 1;
}

static void run_without_tcx(char **command)
{
	struct sock_filter filters[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_PROG_ATTACH, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_PROG_DETACH, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_PROG_QUERY, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filters) / sizeof(*filters), filters };
	checked(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "PR_SET_SECCOMP");
	execv(command[0], command);
	die(command[0]);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, strcmp(verb, "run") == 0 ? _IOFBF : _IOLBF, 1 << 16);
	if (strcmp(verb, "run") == 0 && argc == 3) {
		run(argv[2]);
	} else if (strcmp(verb, "send") == 0 && argc == 3) {
		send_packets(argv[2], 1, 0);
	} else if (strcmp(verb, "send") == 0 && argc == 5) {
		send_packets(argv[2], atoi(argv[3]), atoi(argv[4]));
	} else if (strcmp(verb, "pieces") == 0 && argc == 4) {
		send_pieces(argv[2], atoi(argv[3]));
	} else if (strcmp(verb, "merged") == 0 && argc == 4) {
		send_merged(argv[2], atoi(argv[3]));
	} else if (strcmp(verb, "capture") == 0 && argc == 3) {
		capture(argv[2]);
	} else if (strcmp(verb, "listen") == 0 && argc == 5) {
		union endpoint at = endpoint(argv[3], atoi(argv[4]));
		if (strcmp(argv[2], "tcp") == 0)
			listen_tcp(&at);
		listen_udp(&at, strcmp(argv[2], "segments") == 0 ? 1000 : 0);
	} else if (strcmp(verb, "connect") == 0 && (argc == 6 || argc == 7)) {
		union endpoint from = endpoint(argv[3], argc == 7 ? atoi(argv[6]) : 0), to = endpoint(argv[4], atoi(argv[5]));
		connect_to(strcmp(argv[2], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, &from, &to);
	} else if (strcmp(verb, "tunnel") == 0 && argc >= 5 && argc <= 7) {
		tunnel(argv[2], argv[3], argv[4], argc > 5 && atoi(argv[5]) == 0, argc > 6 ? atoi(argv[6]) : 0xe1);
	} else if (strcmp(verb, "offload") == 0 && argc == 5) {
		if (!offload_turn(argv[2], argv[3], strcmp(argv[4], "on") == 0))
			die(argv[3]);
	} else if (strcmp(verb, "runs") == 0 && argc == 3) {
		print_runs(argv[2]);
	} else if (strcmp(verb, "secret") == 0 && argc == 3) {
		printf("%u\n", attachment(if_nametoindex(argv[2])).settings.secret);
	} else if (strcmp(verb, "scribble") == 0 && argc == 3) {
		scribble(argv[2]);
	} else if (strcmp(verb, "maps") == 0 && argc == 2) {
		print_maps();
	} else if (strcmp(verb, "tcx") == 0 && argc == 3) {
		print_tcx(argv[2]);
	} else if (strcmp(verb, "front") == 0 && argc == 6) {
		put_front(argv[2], argv[3], argv[4], atoi(argv[5]));
	} else if (strcmp(verb, "take") == 0 && argc == 4) {
		take_first(argv[2], argv[3]);
	} else if (strcmp(verb, "log") == 0 && argc == 3) {
		print_log(argv[2]);
	} else if (strcmp(verb, "without-tcx") == 0 && argc > 2) {
		run_without_tcx(argv + 2);
	} else if (strcmp(verb, "kill") == 0 && argc > 3) {
		return kill_before(atoi(argv[2]), argv + 3);
	} else {
		fprintf(stderr, "harness: see the head of its source\n");
		return 2;
	}
	return 0;
}
