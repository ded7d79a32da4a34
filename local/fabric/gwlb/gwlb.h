/* A Gateway Load Balancer node in user space: what its files share. */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GENEVE_PORT = 6081,
	MAX_ENDPOINTS = 256,
	MAX_TARGETS = 300,
};

struct endpoint {
	uint64_t id; /* as on the wire */
	int tun;
	uint64_t forwarded, returned;
};
extern struct endpoint endpoints[MAX_ENDPOINTS];
extern size_t endpoint_count;

enum state { HEALTHY, UNHEALTHY, DRAINING };
struct target {
	in_addr_t ip;
	enum state state;
};
extern struct target targets[MAX_TARGETS];
extern size_t target_count;

extern struct policy {
	int tuple; /* 5, 3 or 2 fields tell flows apart */
	bool rebalance, reset_unhealthy, reset_deregistered;
	int64_t tcp_idle, other_idle; /* milliseconds */
} policy;

#define COUNTERS(X) \
	X(forwarded) X(returned) X(flows_created) X(flows_moved) X(flows_reset) X(flows_expired) \
	X(drop_malformed) X(drop_multicast) X(drop_too_big) X(drop_no_target) X(drop_no_flow) X(drop_table_full) \
	X(drop_send) X(drop_return_malformed) X(drop_return_unknown)
#define DECLARE_COUNTER(name) uint64_t name;
extern struct counters { COUNTERS(DECLARE_COUNTER) } count;

/* Both directions of a flow have one key: the smaller end comes first. */
struct key {
	uint64_t endpoint;
	struct end {
		uint8_t address[16];
		uint16_t port;
	} ends[2];
	uint8_t protocol, version;
	uint16_t zero; /* it is hashed whole */
};

struct flow {
	struct key key;
	uint64_t hash;
	int64_t last; /* 0: this slot is free */
	in_addr_t target;
	uint32_t cookie;
	struct flow *next;
};

/* Reads the key of an IPv4 or IPv6 packet. `opens`: not a TCP segment in the midst of a connection. False: malformed. */
bool read_key(const uint8_t *packet, size_t size, uint64_t endpoint, struct key *key, bool *opens);

/*
 * The flow a packet belongs to, with its target, made or moved if need be. NULL, and counted, if it must be dropped; `reset`
 * if its sender is to be told so, since the flow has lost its target.
 */
struct flow *flow_of(const struct key *key, bool opens, bool *reset);

/* Whether a packet that came from a target with this cookie belongs to that flow, which it then keeps alive. */
bool returns(uint32_t cookie, in_addr_t from, const struct key *key);

/* Sends a packet of an endpoint to a target. `packet` is within a buffer with room for the outer header before it. */
enum { OUTER_SIZE = 68 };
void forward(int sender, struct endpoint *endpoint, uint8_t *packet, size_t size);

/* Hands what a target sent to the GENEVE port to the endpoint of its flow. */
void take_back(in_addr_t from, const uint8_t *datagram, size_t size);

/* Says a line to who controls this node, and obeys the complete lines that have come: false at the end of stdin. */
void answer(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool obey(void);
