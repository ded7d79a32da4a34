/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A verdict is what the diverter comes to about a packet, here in the order in which it is looked for. Programs count them, and
 * the command prints them by these names: X(CONSTANT, name, meaning). Names and numbers are a contract with whoever graphs them
 * and with the counters of a running version: add at the end, never rename, never renumber. A new one is returned by the header that
 * judges, and has a packet in test/bpf/verdict.kernel.test.ts; what the second decoder judges too, in test/bpf/reference.ts.
 */
#pragma once

#define VERDICTS(X)                                                                                             \
  X(PASSED, passed, "neither GENEVE to this interface nor to a --plain prefix: left to the stack untouched")    \
  X(DELIVERED_ESTABLISHED, delivered_established, "given to the stack for its established TCP connection")      \
  X(DELIVERED_CONNECTED, delivered_connected, "given to the stack for its connected UDP socket")                \
  X(DELIVERED_SERVICE, delivered_service, "given to the stack for the listener of the most specific service")   \
  X(DELIVERED_LOCAL, delivered_local, "given to the stack for the socket bound to the destination itself (-t 0)") \
  X(RESET, reset, "TCP in mid-stream with no connection here: given to the stack, which resets it")             \
  X(OUTER_OPTIONS, outer_options, "IPv4 header with options: no load balancer sends them")                      \
  X(OUTER_FRAGMENT, outer_fragment, "first fragment of an outer packet")                                        \
  X(OUTER_CHECKSUM, outer_checksum, "wrong IPv4 header checksum")                                               \
  X(SOURCE_NOT_ALLOWED, source_not_allowed, "outer source outside every --from prefix")                         \
  X(OUTER_LENGTH, outer_length, "IPv4 total length outside the packet")                                         \
  X(UDP_LENGTH, udp_length, "UDP length differs from what IPv4 carries")                                        \
  X(GENEVE_TRUNCATED, geneve_truncated, "GENEVE header or options outside the datagram")                        \
  X(GENEVE_VERSION, geneve_version, "GENEVE version is not 0")                                                  \
  X(GENEVE_CONTROL, geneve_control, "control packet (O bit): carries no data")                                  \
  X(GENEVE_CRITICAL, geneve_critical, "critical option: none is known (the C bit of the header alone is no fault)") \
  X(GENEVE_VNI, geneve_vni, "VNI is not 0")                                                                     \
  X(GENEVE_OPTION_LENGTH, geneve_option_length, "option outside the options, or of a wrong size")               \
  X(GENEVE_OPTION_DUPLICATE, geneve_option_duplicate, "the same load balancer option twice")                    \
  X(GENEVE_OPTION_MISSING, geneve_option_missing, "endpoint, attachment or flow cookie option is missing")      \
  X(GENEVE_PROTOCOL, geneve_protocol, "carries neither IPv4 nor IPv6")                                          \
  X(INNER_TRUNCATED, inner_truncated, "inner header outside the datagram")                                      \
  X(INNER_VERSION, inner_version, "inner IP version differs from the GENEVE protocol")                          \
  X(INNER_OPTIONS, inner_options, "inner IPv4 header with options or shorter than itself")                      \
  X(INNER_LENGTH, inner_length, "inner length outside the datagram")                                            \
  X(INNER_FRAGMENT, inner_fragment, "inner fragment of something other than UDP over IPv4")                     \
  X(INNER_TTL, inner_ttl, "inner TTL or hop limit is 0")                                                        \
  X(INNER_DESTINATION, inner_destination, "inner destination is loopback, multicast, broadcast or unspecified") \
  X(INNER_DESTINATION_ROUTER, inner_destination_router, "inner destination is the router itself")               \
  X(INNER_PROTOCOL, inner_protocol, "inner packet is neither TCP nor UDP, nor an ICMP error about a connection here") \
  X(UDP_CHECKSUM, udp_checksum, "wrong UDP checksum (none is legal)")                                           \
  X(NO_SERVICE, no_service, "no service takes this destination, source and port")                               \
  X(NO_LISTENER, no_listener, "the service's listener is gone")                                                 \
  X(ASSIGN_FAILED, assign_failed, "the kernel refused the socket")                                              \
  X(STRIP_FAILED, strip_failed, "the kernel could not remove the outer headers")                                \
  X(FRAGMENT_HELD, fragment_held, "inner UDP fragment: kept until its datagram is whole, or the duplicate of one that is") \
  X(FRAGMENT_EVICTED, fragment_evicted, "the same, but it took the place of a datagram not yet whole")          \
  X(FRAGMENT_INVALID, fragment_invalid, "inner fragment that overlaps, is behind the end, wrong in size, one too many, or cuts the header") \
  X(FRAGMENT_TOO_LARGE, fragment_too_large, "inner datagram of over 15,992 bytes of data (OpenZiti makes two of one of over 10,240)") \
  X(FLOW_CONFLICT, flow_conflict, "same addresses and ports as a live flow of another endpoint (--reply geneve)") \
  X(REPLY_SENT, reply_sent, "reply sent back to the load balancer (--reply geneve)")                            \
  X(REPLY_UNKNOWN, reply_unknown, "reply of no known flow: left to the stack's own route (--reply geneve)")     \
  X(REPLY_TOO_LARGE, reply_too_large, "reply larger than a load balancer takes, 8,500 bytes (--reply geneve)")  \
  X(REPLY_FAILED, reply_failed, "the kernel could not add the outer headers, or would lose what it is to cut (UDP_SEGMENT without tx checksum offload)")             \
  X(FRAGMENT_NO_PLACE, fragment_no_place, "inner fragment, not the first one, whose place another datagram has") \
  X(INNER_SOURCE_ROUTER, inner_source_router, "inner source is the router's own address or no host's: the stack would drop it as martian") \
  X(DELIVERED_ERROR, delivered_error, "ICMP error given to the stack for the connection it quotes")             \
  X(AGGREGATE, aggregate, "datagrams that the kernel has merged: turn rx-udp-gro-forwarding and rx-gro-list off (ethtool -K)")

enum verdict {
#define X(constant, name, meaning) VERDICT_##constant,
	VERDICTS(X)
#undef X
	VERDICTS_KNOWN,
};

/* A function that judges a packet returns a verdict, or one of these: none yet, the next function judges. */
#define CONTINUE -1
#define CONTINUE_ICMP_ERROR -2 /* the same of an ICMP error, which goes another way */
#define CONTINUE_FRAGMENT -3 /* and of a fragment */
