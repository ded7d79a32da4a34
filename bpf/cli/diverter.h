/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each file of the command has a section here, with what it offers the others. No file needs one that needs it: `make check`.
 * A function that fails says what happened, to what, and what to do, and ends the command.
 */
#pragma once

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "../common.h"
#include "../verdicts.h"

#define BPFFS "/sys/fs/bpf"
#define PINS BPFFS "/ziti-glb"

#define GROUP "ziti-glb" /* its users may change what is diverted */

/* fail.c */
/* The command prints the sentence and ends with exit code 1. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* A failure is told to this function too, before the command ends. */
void fail_also_to(void (*told)(const char *sentence));

/* printable.c */
/* A text of others becomes one that may be shown: what commands a terminal, breaks a line or is no UTF-8 becomes '?', each byte. */
void make_printable(char *text);

/* capability.c */
/* True if this process has the capability, CAP_... */
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

/* permissions.c: the mode and the owner of the pins and of their directory say who may change what is diverted */
#define PIN_PATH 512
/* True if others than root and the group can have made or changed the directory or a pin, the first of which is named. */
bool pins_foreign(char path[PIN_PATH]);
/* The group's users, and nobody else, may change the maps from now on. Only under the lock. */
void pins_share(void);

/* calls.c: the map `calls`, which says what ziti-router's calls came to */
struct calls *calls_open(void);
void calls_added(struct calls *calls);
void calls_refused(const char *sentence);
void calls_flushed(struct calls *calls);
/* Returns the milliseconds since the last -I. */
__u64 calls_age(void);
/* Returns how often all rules were forgotten. */
__u32 calls_flushes(void);
/* Returns the milliseconds of the monotonic clock. */
__u64 now(void);

/* maps.c: the pinned maps, which docs/maps.md lists */
struct maps {
	int counters, sets, sources, segments, claims, state, interfaces; /* descriptors, by the names of their pins */
	struct destination_index *index;
	struct destination *destinations; /* by number */
	struct calls *calls;		  /* NULL where an older version attached */
};
/* The map becomes memory of this process. NULL if there is no such pin. */
void *open_memory(const char *name, size_t size);
/* The maps are opened to be changed, by one command at a time, until it ends. Those that are missing are made. */
void maps_lock(struct maps *maps);
/* Fails where maps_lock would, and changes nothing. */
void maps_check(void);
/* Fails unless the command runs as root, which `what` needs. */
void need_root(const char *what);
/* The maps are opened to be looked at. False if any is missing. */
bool maps_open(struct maps *maps);
void maps_close(const struct maps *maps);
/* The pins and their directory are removed. Only under the lock. */
void maps_remove(void);
/* Fails with a sentence about room if the map is full. */
void write_entry(int map, const void *key, const void *value);
void no_room(unsigned entries, const char *map) __attribute__((noreturn));
__u32 read_state(const struct maps *maps, __u32 key);
void write_state(const struct maps *maps, __u32 key, __u32 value);

/* route.c: local routes, by which the destination of a rule is this machine's own */
/* Nothing is added if the prefix is too wide. */
void route_add(const struct prefix *prefix);
/* The same, but for what the kernel refuses, as IPv6 that was turned off since. */
void route_restore(const struct prefix *prefix);
void route_delete(const struct prefix *prefix);
/* Every route of ours is deleted. */
void route_flush(void);
/* True if the prefix is all there is, or holds an address of the router's. */
bool route_is_too_wide(const struct prefix *prefix);
/* True if the kernel takes the prefix as its own, by whatever route. */
bool route_is_local(const struct prefix *prefix);
/* True if no interface has an address of IPv6, which all lose when it is turned off: no packet of it comes to a socket. */
bool ipv6_is_off(void);
/* Returns why the kernel takes no local route of IPv6, with the setting; NULL if it does. */
const char *ipv6_obstacle(void);

/* offload.c: features of an interface, by the names that ethtool has for them */
/*
 * The first are those that merge UDP datagrams before programs see them. GENEVE's are datagrams: what is merged has a row of inner
 * packets, which no stack takes apart.
 */
#define MERGING_OFFLOADS 2
extern const char *const merging_offloads[MERGING_OFFLOADS];
bool offload_is_on(const char *name, const char *feature);
/*
 * The kernel loses datagrams that a service leaves to it to cut (UDP_SEGMENT) if they get headers on an interface without tx
 * checksum offload: Linux 6.18 does, and before 6.11 it refuses the service. False for such an interface.
 */
bool offload_cuts_datagrams(const char *name);
/* False if the interface keeps it as it was. */
bool offload_turn(const char *name, const char *feature, bool on);

/* gro.c: the device by which the kernel merges inner TCP segments before programs see them */
#define GRO_DEVICE "ziti-glb-gro"
/* The device is made, if it is not there and the kernel can. */
void gro_start(void);
void gro_stop(void);
/* Returns why the device merges nothing, or NULL if it does. */
const char *gro_problem(void);

/* reply_rules.c: the policy rules that lead answers of --reply geneve to the reply device */
/* The rules become those for a router with these addresses. The device must be there. */
void reply_rules_add(const struct settings *settings);
void reply_rules_delete(void);
/* Returns the one of them that is gone, or NULL. */
const char *reply_rules_problem(const struct settings *settings);
/* IPv6 may be turned off, as a whole: then there are no answers of it. */
bool has_ipv6(void);

/* reply_device.c: the device that answers of --reply geneve leave by */
#define REPLY_DEVICE "ziti-glb-reply"
/* The device is made, if it is not there, and packets of the interface may come by it. Nothing is led there yet. */
void reply_device_make(const struct maps *maps, unsigned ifindex, struct reply_device *device);
/* Answers leave by the device from now on, where they meet this program. */
void reply_device_start(const struct maps *maps, const struct settings *settings, const struct reply_device *device, int egress);
void reply_device_stop(const struct maps *maps);
/* Returns why answers do not leave by the device; NULL if they do, or no interface replies through the load balancer. */
const char *reply_device_problem(const struct maps *maps);
/* True if an interface replies through the load balancer, whose settings are copied. */
bool reply_device_is_needed(const struct maps *maps, struct settings *settings);

/* program.c: the BPF object, which is a part of this binary */
struct bpf_object *program_open(const struct settings *settings, const struct reply_device *reply_device);
int program_descriptor(const struct bpf_object *object, const char *name);

/* qdisc.c: filters on a clsact qdisc */
#define FILTER_PRIORITY 1 /* the first: a filter before ours could take what is meant for us */
#define FILTER_HANDLE 0x6081
/* Fails if there is something of others on the interface that our filters cannot stand beside. */
void filter_check(unsigned ifindex, const char *name);
/* The programs become filters of the interface, in place of ours of before; ingress is -1 for none. True if the qdisc was not there. */
bool filter_attach(unsigned ifindex, const char *name, int ingress, int egress);
void filter_detach(unsigned ifindex, bool made_qdisc);
/* Returns the id of our filter's program on this side, or 0. */
__u32 filter_program(unsigned ifindex, enum bpf_tc_attach_point side);
bool filter_any(unsigned ifindex);
/* True if a filter of someone else runs before ours on this side. */
bool filter_is_behind(unsigned ifindex, enum bpf_tc_attach_point side);

/* tcx.c: programs of an interface's own list */
#define TCX_MAX 64 /* the kernel's limit */
struct tcx_list {
	__u32 count, ids[TCX_MAX]; /* in the order in which they run */
};
/* False if the kernel has no tcx. */
bool tcx_list(unsigned ifindex, enum bpf_tc_attach_point side, struct tcx_list *list);
/* False if the program may not be looked at, or is gone. */
bool tcx_name(__u32 id, char name[BPF_OBJ_NAME_LEN]);
/* The program, which has this id, becomes the first, in place of all of ours, whether of these maps or not. */
void tcx_attach(unsigned ifindex, const char *name, enum bpf_tc_attach_point side, int program, __u32 id);
void tcx_detach(unsigned ifindex, const char *name);
bool tcx_any(unsigned ifindex);

/* hook.c: tcx where the kernel has it, else clsact */
enum hook { HOOK_NONE, HOOK_TCX, HOOK_CLSACT };
/* Fails if our programs could not be the first. */
void hook_check(unsigned ifindex, const char *name);
/* The attachment notes which programs are to be attached. Here and below, ingress is -1 for none. */
void hook_note(struct attachment *attachment, int ingress, int egress);
/* The programs take the place of ours of before, and no packet meets none. True if the attachment has changed by it. */
bool hook_attach(unsigned ifindex, const char *name, struct attachment *attachment, int ingress, int egress);
void hook_detach(unsigned ifindex, const char *name, bool made_qdisc);
/* True if any program of ours is there, of whatever maps. */
bool hook_any(unsigned ifindex);
/* True if the attachment's program for what leaves is there. */
bool hook_egress(unsigned ifindex, const struct attachment *attachment);
/* Returns the hook that both programs of the attachment are at. */
enum hook attached(unsigned ifindex, const struct attachment *attachment);
/* A program of someone else may see packets before ours, and keep them from it. */
struct front {
	unsigned ifindex;
	const char *side;
	__u32 program; /* of tcx; 0 for a filter on a qdisc */
	char name[BPF_OBJ_NAME_LEN];
};
void hook_each_front(unsigned ifindex, const struct attachment *attachment, void (*each)(const struct front *front, void *context),
		     void *context);

/* attach.c: the commands `attach` and `detach` */
/* The settings say --from, --plain and --reply; what else is in them is found out here. */
void attach(const char *name, struct settings *settings);
void detach(const char *name);
void detach_all(void);

/* destinations.c: the hash table of destination prefixes */
/* Returns the number of the destination with this key, or 0. */
__u32 destination_number(const struct maps *maps, const struct destination_key *key);
const struct rule_group *destination_find(const struct maps *maps, const struct destination_key *key);
/* Fails if there is no room for a destination with this key. */
void destination_check_room(const struct maps *maps, const struct destination_key *key);
/* The destination is replaced in one step: a packet sees the one of before, or this one. There must be room. */
void destination_write(const struct maps *maps, const struct destination_key *key, const struct rule_group *group);
void destination_delete(const struct maps *maps, const struct destination_key *key);
void destination_delete_all(const struct maps *maps);
void length_set(struct lengths *lengths, unsigned family, unsigned length, bool value);

/* port_ranges.c */
#define PORTS 65536
/*
 * The port ranges of a group are disjoint and in order. Of several rules for a port the one with the narrowest range takes it,
 * then the latest. The rules are given from the latest to the oldest. Returns the number of ranges.
 */
unsigned port_ranges_of(const struct rule_node *rules, unsigned count, struct port_range ranges[PORTS]);

/* rules.c: adds and removes a rule of OpenZiti's contract */
struct rule {
	struct prefix destination, source;
	unsigned protocol, ifindex, low, high, port;
	char service[SERVICE_ID_MAX];
};
void rule_add(const struct maps *maps, const struct rule *rule);
enum removal { REMOVED, NO_SUCH_RULE, STILL_LISTENING };
enum removal rule_remove(const struct maps *maps, const struct rule *rule);
/* True if any rule has this destination, of whatever protocol, port and source. */
bool has_rules(const struct maps *maps, const struct prefix *destination);

/* rules_each.c: reads every rule */
void rules_each(const struct maps *maps, void (*each)(const struct rule *rule, void *context), void *context);
unsigned rules_count(const struct maps *maps);

/* rules_flush.c: the command `flush` */
/* Every rule is deleted, with all that a killed command left behind. */
void rules_flush(void);

/* rule.c: a rule as text */
void rule_print(const struct rule *rule);

/* nonlocal.c */
/* Finds a rule for each destination that is not this machine's own. Returns how many. */
unsigned nonlocal(const struct maps *maps, struct rule **found);

/* listener.c */
bool listener_present(int family, unsigned protocol, unsigned port);

/* local.c: the map `locals`, which says what sources the stack drops as martian */
/* The map becomes what the kernel's routing table `local` is now. Only under the lock. */
void locals_refresh(void);
/*
 * The map follows a call of ziti-router's, of which thousands may come in a row. If the table was read within a second, only the
 * prefix is added to the map, unless it is NULL or too wide for a route of ours.
 */
void locals_follow(const struct prefix *added);

/* contract.c: -V, -I and -D, as OpenZiti's tunneler calls them */
/* Returns the command's exit code. */
int contract(int argc, char **argv);

/* stack.c: the counters of the kernel's stack, for packets that were given to it */
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

/* counters.c: the map `counters` */
extern const char *const verdict_names[VERDICTS_KNOWN];
extern const char *const verdict_meanings[VERDICTS_KNOWN];
__u64 counter(const struct maps *maps, __u32 verdict);

/* json.c: lists and JSON on stdout */
/* Items are written one after the other, with `between` between them. */
struct items {
	const char *between;
	bool started;
};
void items_next(struct items *items);
void print_json_string(const char *text);

/* interfaces.c: interfaces that are attached, or diverted by programs that nobody noted */
struct attached_interface {
	unsigned ifindex;
	const char *name;
	const struct attachment *attachment;
	enum hook hook;
};
void print_attached_json(const struct attached_interface *interface);
void print_attached_text(const struct attached_interface *interface);
/* True if any interface is attached. */
bool print_attached(const struct maps *maps, void (*print)(const struct attached_interface *interface), const char *between);
/* An interface is a stray one if programs of ours are on it that are not those noted: one is gone, or they are of other maps. */
void each_stray(const struct maps *maps, void (*each)(const char *name, void *context), void *context);
void print_stray_json(const char *name, void *context);
void print_stray_text(const char *name, void *context);

/* status.c, services.c, watch.c: the commands of these names */
void status_print(bool json);
void services_print(bool json);
void watch(void) __attribute__((noreturn));

/* router.c */
/* Returns ziti-router's problem, by its own health check on this port; NULL if it has none, or there is no port to ask on. */
const char *router_problem(unsigned port);

/* health.c: the command `health` */
#define HEALTH_TEXT 512
struct health_options {
	unsigned port, router; /* 0 for none */
	bool idle;	       /* a router without services is healthy too */
};
/* The command ends with one of these exit codes. */
enum health { HEALTHY, UNHEALTHY, UNUSED /* attached, with no service to divert to */ };
/* The diverter is healthy if packets are diverted to listeners that are there; `text` says what is wrong. */
enum health health(char text[HEALTH_TEXT]);
/* The diverter is healthy if what the options ask for is well too. */
enum health health_asked(const struct health_options *options, char text[HEALTH_TEXT]);

/* serve.c: `health --port` */
/* HTTP on the port is answered by 200 or 503 until the command is ended. */
void health_serve(const struct health_options *options) __attribute__((noreturn));

/* configure.c: the command `configure`, for ziti-router's configuration; configure.h has its parts */
/* The file is printed with these options, KEY=VALUE, of its tunnel listener. Fails with the lines to write by hand. */
void configure(const char *file, char **assignments, int count);

/* configure_check.c: `configure FILE --router|--balancer PORT` */
/*
 * Fails, with the lines to add, if the file has no health checks on this port, or none for others than this machine if `outside`.
 */
void configure_check(const char *file, unsigned port, bool outside);
