/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink carries messages to the kernel about its devices, addresses, routes, rules and filters. */
#pragma once

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>

struct netlink_message {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
		struct fib_rule_hdr rule;
		struct netconfmsg settings;
		struct tcmsg filter; /* or a qdisc */
	};
	char attributes[512];
};
/* Returns a message of this type, whose own part has this size, without attributes. */
struct netlink_message netlink_message(int type, int flags, size_t size);
struct rtattr *netlink_add(struct netlink_message *message, int type, const void *value, size_t size);
struct rtattr *netlink_add_number(struct netlink_message *message, int type, __u32 value);
/* The attribute holds what was added since. */
void netlink_close_nest(const struct netlink_message *message, struct rtattr *nest);
/* Returns the kernel's answer: 0, or an error. */
int netlink_ask(struct netlink_message *message);
/* Reads one entry that the kernel has, if it has it. */
void netlink_get(struct netlink_message *message, void (*read)(const struct nlmsghdr *entry, void *context), void *context);
/*
 * Lists what the kernel has, an entry at a time. It is asked once more if what it has changes meanwhile. Fails if it does not tell
 * its `what`.
 */
void netlink_list(struct netlink_message *message, const char *what, void (*each)(const struct nlmsghdr *entry, void *context),
		  void *context);
/* True if the interface is set up. */
bool netlink_is_up(const char *name);
