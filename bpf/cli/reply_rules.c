// SPDX-License-Identifier: Apache-2.0
/*
 * Policy rules lead what this machine sends from an address that is not its own into a table of ours, whose only route is by the
 * reply device. They say that they are the kernel's, as systemd-networkd removes all others when it starts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "diverter.h"
#include "netlink.h"

#define TABLE 6081

/* Our rules come behind the one for the table `local`, whose preference is 0, and before whatever the administrator has. */
enum preference { OWN = 11, ANSWERS, END };

bool has_ipv6(void)
{
	return access("/proc/self/net/if_inet6", F_OK) == 0;
}

static struct netlink_message table_route(int type, int flags, int family, __u32 device)
{
	struct netlink_message route = netlink_message(type, flags, sizeof(route.route));
	route.route = (struct rtmsg){ .rtm_family = family,
				      .rtm_protocol = RTPROT_KERNEL,
				      .rtm_scope = RT_SCOPE_LINK,
				      .rtm_type = RTN_UNICAST };
	netlink_add_number(&route, RTA_TABLE, TABLE);
	netlink_add_number(&route, RTA_OIF, device);
	return route;
}

static void add_table(int family, __u32 device)
{
	struct netlink_message route = table_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, family, device);
	int error = netlink_ask(&route);
	if (error && family == AF_INET)
		fail("cannot add the route by " REPLY_DEVICE ": %s", strerror(error));
}

struct found_route {
	__u32 device;
	bool found;
};

static void find_route(const struct nlmsghdr *entry, void *context)
{
	struct found_route *wanted = context;
	const struct rtmsg *route = NLMSG_DATA(entry);
	__u32 table = route->rtm_table, device = 0;
	int length = RTM_PAYLOAD(entry);
	for (const struct rtattr *one = RTM_RTA(route); RTA_OK(one, length); one = RTA_NEXT(one, length)) {
		if (one->rta_type == RTA_TABLE)
			memcpy(&table, RTA_DATA(one), sizeof(table));
		if (one->rta_type == RTA_OIF)
			memcpy(&device, RTA_DATA(one), sizeof(device));
	}
	wanted->found |= table == TABLE && !route->rtm_dst_len && route->rtm_type == RTN_UNICAST && device == wanted->device;
}

static bool has_table(int family, __u32 device)
{
	struct found_route found = { .device = device };
	struct netlink_message asked = netlink_message(RTM_GETROUTE, 0, sizeof(asked.route));
	asked.route.rtm_family = family;
	netlink_add_number(&asked, RTA_TABLE, TABLE);
	netlink_list(&asked, "routes", find_route, &found);
	return found.found;
}

struct policy {
	int family;
	enum preference preference;
	struct prefix source; /* of length 0: any */
	bool seen;	      /* the kernel has it */
};

#define POLICIES (2 * MAX_ADDRESSES + 8)
struct policies {
	struct policy all[POLICIES];
	unsigned count;
};

static void want(struct policies *policies, int family, enum preference preference, const void *address, unsigned length)
{
	struct policy policy = { .family = family, .preference = preference, .source = { .family = family == AF_INET ? 4 : 6 } };
	policy.source.length = length;
	if (length)
		memcpy(policy.source.address.bytes, address, family == AF_INET ? 4 : 16);
	policies->all[policies->count++] = policy;
}

/*
 * A packet without a source yet is the router's own, as is what the loopback says to itself. IPv6 with no source yet meets no rule
 * that names one: so the rules name the addresses that can be a service's.
 */
static struct policies wanted(const struct settings *settings)
{
	static const __u8 none[4] = { 0 }, loopback[4] = { 127 }, global[16] = { 0x20 }, unique[16] = { 0xfc };
	struct policies wanted = {};
	want(&wanted, AF_INET, END, NULL, 0);
	want(&wanted, AF_INET, OWN, none, 8);
	want(&wanted, AF_INET, OWN, loopback, 8);
	for (__u32 i = 0; i < settings->address_count; i++)
		want(&wanted, AF_INET, OWN, &settings->address[i], 32);
	want(&wanted, AF_INET, ANSWERS, NULL, 0);
	if (!has_ipv6())
		return wanted;
	want(&wanted, AF_INET6, END, NULL, 0);
	for (__u32 i = 0; i < settings->address6_count; i++)
		want(&wanted, AF_INET6, OWN, settings->address6[i].bytes, 128);
	want(&wanted, AF_INET6, ANSWERS, global, 3);
	want(&wanted, AF_INET6, ANSWERS, unique, 7);
	return wanted;
}

static int change(int type, int flags, const struct policy *policy)
{
	struct netlink_message rule = netlink_message(type, flags, sizeof(rule.rule));
	__u8 protocol = RTPROT_KERNEL;
	rule.rule = (struct fib_rule_hdr){ .family = policy->family,
					   .src_len = policy->source.length,
					   .action = policy->preference == OWN       ? FR_ACT_GOTO
						     : policy->preference == ANSWERS ? FR_ACT_TO_TBL
										     : FR_ACT_NOP };
	netlink_add_number(&rule, FRA_PRIORITY, policy->preference);
	netlink_add(&rule, FRA_PROTOCOL, &protocol, sizeof(protocol));
	if (policy->preference != END)
		netlink_add(&rule, FRA_IIFNAME, "lo", sizeof("lo"));
	if (policy->source.length)
		netlink_add(&rule, FRA_SRC, policy->source.address.bytes, policy->family == AF_INET ? 4 : 16);
	if (policy->preference == OWN)
		netlink_add_number(&rule, FRA_GOTO, END);
	if (policy->preference == ANSWERS)
		netlink_add_number(&rule, FRA_TABLE, TABLE);
	return netlink_ask(&rule);
}

/* True for a rule of ours in the kernel's list. */
static bool read_policy(const struct nlmsghdr *entry, struct policy *policy)
{
	const struct fib_rule_hdr *rule = NLMSG_DATA(entry);
	__u32 preference = 0, table = rule->table, target = 0;
	*policy = (struct policy){ .family = rule->family,
				   .source = { .family = rule->family == AF_INET ? 4 : 6, .length = rule->src_len } };
	int length = entry->nlmsg_len - NLMSG_LENGTH(sizeof(*rule));
	for (const struct rtattr *one = (void *)((char *)rule + NLMSG_ALIGN(sizeof(*rule))); RTA_OK(one, length);
	     one = RTA_NEXT(one, length)) {
		if (one->rta_type == FRA_PRIORITY)
			memcpy(&preference, RTA_DATA(one), sizeof(preference));
		if (one->rta_type == FRA_TABLE)
			memcpy(&table, RTA_DATA(one), sizeof(table));
		if (one->rta_type == FRA_GOTO)
			memcpy(&target, RTA_DATA(one), sizeof(target));
		if (one->rta_type == FRA_SRC && RTA_PAYLOAD(one) <= sizeof(policy->source.address))
			memcpy(policy->source.address.bytes, RTA_DATA(one), RTA_PAYLOAD(one));
	}
	policy->preference = preference;
	return (preference == OWN && rule->action == FR_ACT_GOTO && target == END) ||
	       (preference == ANSWERS && rule->action == FR_ACT_TO_TBL && table == TABLE) ||
	       (preference == END && rule->action == FR_ACT_NOP);
}

static bool same(const struct policy *a, const struct policy *b)
{
	return a->family == b->family && a->preference == b->preference && memcmp(&a->source, &b->source, sizeof(a->source)) == 0;
}

/* A rule in the kernel that is wanted is marked as seen, one that is ours and not wanted is gathered. */
struct compared {
	struct policies wanted, stale;
};

static void compare_one(const struct nlmsghdr *entry, void *context)
{
	struct compared *compared = context;
	struct policy policy;
	if (!read_policy(entry, &policy))
		return;
	for (unsigned i = 0; i < compared->wanted.count; i++) {
		if (!same(&compared->wanted.all[i], &policy))
			continue;
		compared->wanted.all[i].seen = true;
		return;
	}
	if (compared->stale.count < POLICIES)
		compared->stale.all[compared->stale.count++] = policy;
}

static void compare(struct compared *compared)
{
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;
		struct netlink_message asked = netlink_message(RTM_GETRULE, 0, sizeof(asked.rule));
		asked.rule.family = family;
		if (family == AF_INET || has_ipv6())
			netlink_list(&asked, "rules", compare_one, compared);
	}
}

/*
 * The rules are added in the order in which they are listed: those that except what is the router's own come before the one that
 * leads the rest to the device.
 */
static void add_rules(const struct settings *settings)
{
	struct compared compared = { .wanted = wanted(settings) };
	compare(&compared);
	for (unsigned i = 0; i < compared.wanted.count; i++) {
		const struct policy *policy = &compared.wanted.all[i];
		int error = policy->seen ? 0 : change(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, policy);
		if (error && error != EEXIST)
			fail("cannot add the policy rule of preference %d: %s", policy->preference, strerror(error));
	}
	for (unsigned i = 0; i < compared.stale.count; i++)
		change(RTM_DELRULE, 0, &compared.stale.all[i]);
}

void reply_rules_delete(void)
{
	static const enum preference order[] = { ANSWERS, OWN, END };
	struct compared compared = {};
	compare(&compared);
	for (unsigned at = 0; at < sizeof(order) / sizeof(*order); at++)
		for (unsigned i = 0; i < compared.stale.count; i++)
			if (compared.stale.all[i].preference == order[at])
				change(RTM_DELRULE, 0, &compared.stale.all[i]);
}

void reply_rules_add(const struct settings *settings)
{
	__u32 device = if_nametoindex(REPLY_DEVICE);
	add_table(AF_INET, device);
	if (has_ipv6())
		add_table(AF_INET6, device);
	add_rules(settings);
}

const char *reply_rules_problem(const struct settings *settings)
{
	__u32 device = if_nametoindex(REPLY_DEVICE);
	if (!has_table(AF_INET, device) || (has_ipv6() && settings->address6_count && !has_table(AF_INET6, device)))
		return "the table 6081 has no route by " REPLY_DEVICE;
	struct compared compared = { .wanted = wanted(settings) };
	compare(&compared);
	for (unsigned i = 0; i < compared.wanted.count; i++)
		if (!compared.wanted.all[i].seen)
			return "a policy rule of preference 11 to 13, which lead answers to " REPLY_DEVICE ", is gone (`ip rule`, `ip -6 rule`)";
	return NULL;
}
