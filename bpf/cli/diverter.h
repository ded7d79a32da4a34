/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the command offer each other. A failure says what happened, to what, what to do, and ends the command. */
#pragma once

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "../common.h"

#define VERSION "0.1.0"
#define BPFFS "/sys/fs/bpf"
#define PINS BPFFS "/ziti-glb"

/* main.c */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

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
};
/* Opens them for change, one command at a time, and makes what is missing. */
void maps_lock(struct maps *maps);
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

/* program.c: the kernel side, from inside this binary */
struct bpf_object *program_open(const struct settings *settings);
int program_descriptor(const struct bpf_object *object, const char *name);

/* qdisc.c: where a program is hung on an interface */
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

/* attach.c */
/* With what these say of --from, --plain and --reply; the rest is of the interface, and filled in. */
void attach(const char *name, struct settings *settings);
/* Whether it still diverts as it was told to, with these maps. */
bool attached(unsigned ifindex, const struct attachment *attachment);
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

/* listener.c */
bool listener_present(int family, unsigned protocol, unsigned port);

/* contract.c: -V, -I and -D as OpenZiti's tunneler calls them. The command's exit code. */
int contract(int argc, char **argv);
void rule_print(const struct rule *rule);

/* status.c: what a person or a program asks to see */
void status_print(bool json);
void services_print(bool json);
void watch(void) __attribute__((noreturn));

/* health.c */
#define HEALTH_TEXT 256
/* Whether packets are diverted to listeners that are there; `text` says what is wrong. These are exit codes. */
enum health { HEALTHY, UNHEALTHY, UNUSED /* attached, with no service to divert to */ };
enum health health(char text[HEALTH_TEXT]);
/* Answers HTTP on this port with 200 or 503 until it is ended. */
void health_serve(unsigned port) __attribute__((noreturn));

/* configure.c: ziti-router's own configuration */
/* Prints what the file is with these options, KEY=VALUE, of its tunnel listener. Fails with the lines to write by hand. */
void configure(const char *file, char **assignments, int count);
/* Fails, with the lines to add, if it has no health checks on this port. */
void configure_check(const char *file, unsigned port);
