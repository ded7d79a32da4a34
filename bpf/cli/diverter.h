/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the command offer each other. A failure says what happened, to what, what to do, and ends the command. */
#pragma once

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../common.h"

#define VERSION "0.1.0"
#define BPFFS "/sys/fs/bpf"
#define PINS BPFFS "/ziti-glb"

#define GROUP "ziti-glb" /* whose users may change what is diverted, by the pins' mode */

/* main.c */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Who else is to know of a failure, before the command ends. */
void fail_also_to(void (*told)(const char *sentence));

/* capability.c */
/* Whether this process has it: CAP_... */
bool capable(unsigned capability);

/* prefix.c: addresses, prefixes and ports as text */
struct prefix {
	int family; /* 4 or 6 */
	unsigned length;
	struct address address; /* without bits beyond the length */
};
bool parse_prefix(const char *address, const char *length, struct prefix *prefix);
bool parse_cidr(const char *text, struct prefix *prefix);
bool parse_port(const char *text, unsigned *port);
#define PREFIX_TEXT 64
const char *prefix_text(const struct prefix *prefix, char text[PREFIX_TEXT]);

/* maps.c: the pinned maps, shared with the kernel side */
struct maps {
	int counters, sets, sources, segments, claims, state, interfaces;
	struct destination_index *index;
	struct destination *destinations; /* by number */
	struct calls *calls;		  /* NULL where an older version attached */
};
/* Names one of the directory and the pins that others than root and the group can have made or changed. False if there is none. */
#define PIN_PATH 512
bool maps_foreign(char path[PIN_PATH]);
/* What a map holds, as memory. NULL if it is not there. */
void *open_memory(const char *name, size_t size);
/* Opens them for change, one command at a time, and makes what is missing. */
void maps_lock(struct maps *maps);
/* Fails where maps_lock would, and changes nothing. */
void maps_check(void);
/* Fails unless it is run as root, which `what` needs. */
void need_root(const char *what);
/* Opens them to look. False if there are none. */
bool maps_open(struct maps *maps);
void maps_close(const struct maps *maps);
/* Takes every pin away. Only under the lock. */
void maps_remove(void);
/* Fails with what there is no room for. */
void write_entry(int map, const void *key, const void *value);
void no_room(unsigned entries, const char *map) __attribute__((noreturn));
__u32 read_state(const struct maps *maps, __u32 key);
void write_state(const struct maps *maps, __u32 key, __u32 value);

/* share.c */
/* The group's id, or root's if there is none. */
gid_t group_id(void);
/* Lets the users of the group change the maps, and nobody else. Only under the lock. */
void maps_share(void);

/* calls.c: what the router's calls came to */
struct calls *calls_open(void);
void calls_added(struct calls *calls);
void calls_refused(const char *sentence);
void calls_flushed(struct calls *calls);
/* Milliseconds since the last rule came. */
__u64 calls_age(void);
/* How often all were forgotten. */
__u32 calls_flushes(void);
/* Milliseconds since the machine's start. */
__u64 now(void);

/* route.c: that the destination of a rule is this machine's own */
/* Unless the prefix is too wide. */
void route_add(const struct prefix *prefix);
void route_delete(const struct prefix *prefix);
/* All that are ours. */
void route_flush(void);
/* Whether the prefix is all there is, or holds an address of the router's. */
bool route_is_too_wide(const struct prefix *prefix);
/* By whatever route. */
bool route_is_local(const struct prefix *prefix);

/* program.c: the kernel side, from inside this binary */
struct bpf_object *program_open(const struct settings *settings);
int program_descriptor(const struct bpf_object *object, const char *name);

/* qdisc.c: filters on a clsact qdisc */
#define FILTER_PRIORITY 1 /* the first: a filter before ours could take what is meant for us */
#define FILTER_HANDLE 0x6081
/* Fails if there is something of others on the interface that ours cannot stand beside. */
void filter_check(unsigned ifindex, const char *name);
/* Hangs these on the interface, replacing ours of before. True if it made the qdisc. */
bool filter_attach(unsigned ifindex, const char *name, int ingress, int egress);
void filter_detach(unsigned ifindex, bool made_qdisc);
/* The id of our program on this side, 0 for none. */
__u32 filter_program(unsigned ifindex, enum bpf_tc_attach_point side);
bool filter_any(unsigned ifindex);
/* Whether a filter of someone else runs before ours on this side. */
bool filter_is_behind(unsigned ifindex, enum bpf_tc_attach_point side);

/* tcx.c: programs of an interface's own list */
#define TCX_MAX 64 /* the kernel's limit */
struct tcx_list {
	__u32 count, ids[TCX_MAX];
};
/* In their order. False if the kernel has no tcx. */
bool tcx_list(unsigned ifindex, enum bpf_tc_attach_point side, struct tcx_list *list);
/* False if we may not know, or it is gone. */
bool tcx_name(__u32 id, char name[BPF_OBJ_NAME_LEN]);
/* Before all others, in place of ours of before, whether of these maps or not. `id` is the program's. */
void tcx_attach(unsigned ifindex, const char *name, enum bpf_tc_attach_point side, int program, __u32 id);
void tcx_detach(unsigned ifindex, const char *name);
bool tcx_any(unsigned ifindex);

/* hook.c: either of the two */
enum hook { HOOK_NONE, HOOK_TCX, HOOK_CLSACT };
/* Fails if ours could not be the first. */
void hook_check(unsigned ifindex, const char *name);
/* Notes which programs are to be attached. */
void hook_note(struct attachment *attachment, int ingress, int egress);
/* Attaches them in place of those of before, without a packet that meets none. True if the note has changed by it. */
bool hook_attach(unsigned ifindex, const char *name, struct attachment *attachment, int ingress, int egress);
void hook_detach(unsigned ifindex, const char *name, bool made_qdisc);
/* Whether any program of ours is there, of whatever maps. */
bool hook_any(unsigned ifindex);
/* Where it diverts as noted, by both its programs. */
enum hook attached(unsigned ifindex, const struct attachment *attachment);
/* Someone else's that sees packets before ours, and may keep them from it. */
struct front {
	unsigned ifindex;
	const char *side;
	__u32 program; /* of tcx; 0 for a filter on a qdisc */
	char name[BPF_OBJ_NAME_LEN];
};
void hook_each_front(unsigned ifindex, const struct attachment *attachment, void (*each)(const struct front *front, void *context),
		     void *context);

/* attach.c */
/* With what these say of --from, --plain and --reply; the rest is of the interface, and filled in. */
void attach(const char *name, struct settings *settings);
void detach(const char *name);
void detach_all(void);

/* destinations.c: their table */
/* The number of one that is there, 0 for none. */
__u32 destination_number(const struct maps *maps, const struct destination_key *key);
const struct group *destination_find(const struct maps *maps, const struct destination_key *key);
/* Fails if there is no room for one with this key. */
void destination_check_room(const struct maps *maps, const struct destination_key *key);
/* In one step for whoever looks: what was there before, or this. There must be room. */
void destination_write(const struct maps *maps, const struct destination_key *key, const struct group *group);
void destination_delete(const struct maps *maps, const struct destination_key *key);
void destination_delete_all(const struct maps *maps);
void length_set(struct lengths *lengths, unsigned family, unsigned length, bool value);

/* services.c: the rules of OpenZiti's contract */
struct rule {
	struct prefix destination, source;
	unsigned protocol, ifindex, low, high, port;
	char service[SERVICE_ID_MAX];
};
void service_add(const struct maps *maps, const struct rule *rule);
enum removal { REMOVED, NO_SUCH_RULE, STILL_LISTENING };
enum removal service_remove(const struct maps *maps, const struct rule *rule);
/* Whether any rule has this destination, of whatever protocol, port and source. */
bool service_needs(const struct maps *maps, const struct prefix *destination);

/* segments.c */
#define PORTS 65536
/*
 * Which port of a listener takes each port of a packet, as disjoint segments in order: of several claims the one with the
 * narrowest range, then the newest, wins. The claims are given from the newest to the oldest.
 */
unsigned segments_of(const struct claim *claims, unsigned count, struct segment segments[PORTS]);

/* walk.c: every rule at once */
void service_each(const struct maps *maps, void (*each)(const struct rule *rule, void *context), void *context);
/* For service_each, with an unsigned number as its context. */
void count_rule(const struct rule *rule, void *context);
void service_flush(const struct maps *maps);

/* nonlocal.c */
/* Finds one rule of each destination that is not this machine's own; their number. */
unsigned nonlocal(const struct maps *maps, struct rule **found);

/* listener.c */
bool listener_present(int family, unsigned protocol, unsigned port);

/* local.c */
/* Tells the kernel side which addresses are the router's own now. Only under the lock. */
void locals_refresh(void);
/*
 * The same after a call of the router's, of which thousands may come in a row: if it was done within a second, only that this
 * prefix, if it is not NULL and a route of ours makes it so, is the router's own as well.
 */
void locals_follow(const struct prefix *added);

/* contract.c: -V, -I and -D as OpenZiti's tunneler calls them. The command's exit code. */
int contract(int argc, char **argv);
void rule_print(const struct rule *rule);

/* stack.c: what became of packets that were given to the stack */
#define STACK(X)                                                                                                                  \
	X(TcpExt, IPReversePathFilter, "source has its route by another interface: net.ipv4.conf.*.rp_filter is 1")               \
	X(Ip, InAddrErrors, "destination is no address of this machine, and it forwards nothing")                                 \
	X(Ip, InNoRoutes, "there is no route to the destination")                                                                 \
	X(Ip, ForwDatagrams, "destination is no address of this machine: sent on, as net.ipv4.ip_forward is 1")                   \
	X(Tcp, PassiveOpens, "connection came about at a listener")                                                               \
	X(Tcp, OutRsts, "TCP reset sent: nobody listens there, or it is of no connection")                                       \
	X(TcpExt, ListenOverflows, "connection dropped: its listener takes them too slowly")                                      \
	X(TcpExt, ListenDrops, "connection dropped at its listener, for that or another reason")                                  \
	X(Udp, NoPorts, "datagram to a port where nobody listens")                                                                \
	X(Udp, RcvbufErrors, "datagram dropped: its listener reads too slowly")                                                   \
	X(Udp, InCsumErrors, "datagram with a wrong checksum")
struct stack_counter {
	const char *group, *name; /* in /proc/net/snmp or netstat */
	const char *shown;	  /* as nstat has it */
	const char *meaning;
};
#define ONE(group, name, meaning) +1
#define STACK_COUNTERS (0 STACK(ONE) + 1)
extern const struct stack_counter stack_counters[STACK_COUNTERS];
void stack_read(__u64 counts[STACK_COUNTERS]);

/* counters.c */
extern const char *const reason_names[REASONS_KNOWN];
extern const char *const reason_meanings[REASONS_KNOWN];
__u64 counter(const struct maps *maps, __u32 reason);

/* json.c */
/* Items that are written one after the other, with `between` between them. */
struct items {
	const char *between;
	bool started;
};
void items_next(struct items *items);
void print_json_string(const char *text);

/* shown.c */
/* An interface that is attached, and where. */
struct shown {
	unsigned ifindex;
	const char *name;
	const struct attachment *attachment;
	enum hook hook;
};
void print_attached_json(const struct shown *shown);
void print_attached_text(const struct shown *shown);
/* Whether any interface is attached. */
bool print_attached(const struct maps *maps, void (*print)(const struct shown *shown), const char *between);
/* Each interface with programs of ours that are not those noted: one is gone, or they are of other maps. */
void each_stray(const struct maps *maps, void (*each)(const char *name, void *context), void *context);
void print_stray_json(const char *name, void *context);
void print_stray_text(const char *name, void *context);

/* status.c, list.c, watch.c: what a person or a program asks to see */
void status_print(bool json);
void services_print(bool json);
void watch(void) __attribute__((noreturn));

/* health.c */
#define HEALTH_TEXT 512
struct health_options {
	unsigned port, router; /* 0 for none */
	bool idle;	       /* a router without services is as it should be */
};
/* Whether packets are diverted to listeners that are there; `text` says what is wrong. These are exit codes. */
enum health { HEALTHY, UNHEALTHY, UNUSED /* attached, with no service to divert to */ };
enum health health(char text[HEALTH_TEXT]);
/* The same with what the options ask for. */
enum health health_asked(const struct health_options *options, char text[HEALTH_TEXT]);

/* router.c */
/* Why ziti-router, asked on this port, is not healthy. NULL if it is, or there is no port to ask on. */
const char *router_problem(unsigned port);

/* serve.c */
/* Answers HTTP on the port with 200 or 503 until it is ended. */
void health_serve(const struct health_options *options) __attribute__((noreturn));

/* configure.c: ziti-router's own configuration */
/* Prints what the file is with these options, KEY=VALUE, of its tunnel listener. Fails with the lines to write by hand. */
void configure(const char *file, char **assignments, int count);
/* Fails, with the lines to add, if it has no health checks on this port, for others than this machine too if they are asked `outside`. */
void configure_check(const char *file, unsigned port, bool outside);
