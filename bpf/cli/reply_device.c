// SPDX-License-Identifier: Apache-2.0
/*
 * Answers of --reply geneve must not depend on the router's routes and neighbours for the client's address: it may be one of the
 * router's own network, of which the router would ask who has it, of another interface's, or one that a client of another VPC has
 * too. So they leave by a device of ours without neighbours, where the diverter puts GENEVE on them; rules lead them there. An
 * answer to an address that the router has as a service's stays on the loopback, where the same program takes it off: the table
 * `local` comes before any rule.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/netconf.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "diverter.h"
#include "netlink.h"

#define PEER "ziti-glb-end" /* a veth has two ends: what one sends arrives at the other, if no program takes it */
#define MTU 8500	    /* inner packets that are longer are lost at the load balancer */

static void make_device(const __u8 address[ETH_ALEN])
{
	struct netlink_message made = netlink_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(made.link));
	netlink_add(&made, IFLA_IFNAME, REPLY_DEVICE, sizeof(REPLY_DEVICE));
	netlink_add(&made, IFLA_ADDRESS, address, ETH_ALEN);
	netlink_add_number(&made, IFLA_MTU, MTU);
	struct rtattr *info = netlink_add(&made, IFLA_LINKINFO, NULL, 0);
	netlink_add(&made, IFLA_INFO_KIND, "veth", sizeof("veth"));
	struct rtattr *data = netlink_add(&made, IFLA_INFO_DATA, NULL, 0);
	struct ifinfomsg end = {};
	struct rtattr *peer = netlink_add(&made, VETH_INFO_PEER, &end, sizeof(end));
	netlink_add(&made, IFLA_IFNAME, PEER, sizeof(PEER));
	netlink_add_number(&made, IFLA_MTU, MTU);
	netlink_close_nest(&made, peer);
	netlink_close_nest(&made, data);
	netlink_close_nest(&made, info);
	int error = netlink_ask(&made);
	if (error && error != EEXIST)
		fail("the kernel makes no veth " REPLY_DEVICE ", which answers of --reply geneve leave by: %s (it needs the module veth)",
		     strerror(error));
}

/* The kernel gives the device no address of IPv6's own, from which it would speak up. */
static void add_ipv6(struct netlink_message *message)
{
	if (!has_ipv6())
		return;
	__u8 none = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *ipv6 = netlink_add(message, AF_INET6, NULL, 0);
	netlink_add(message, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	netlink_close_nest(message, ipv6);
}

/*
 * The kernel takes in by the device packets from addresses that are this machine's, as services', and looks up what leaves by it
 * without being an answer as if it came by it.
 */
static void add_ipv4(struct netlink_message *message)
{
	struct rtattr *ipv4 = netlink_add(message, AF_INET, NULL, 0);
	struct rtattr *settings = netlink_add(message, IFLA_INET_CONF, NULL, 0);
	netlink_add_number(message, IPV4_DEVCONF_ACCEPT_LOCAL, 1);
	netlink_add_number(message, IPV4_DEVCONF_RP_FILTER, 2);
	netlink_add_number(message, IPV4_DEVCONF_FORWARDING, 1);
	netlink_close_nest(message, settings);
	netlink_close_nest(message, ipv4);
}

static void set_up(const char *name, bool ours)
{
	struct netlink_message settings = netlink_message(RTM_NEWLINK, 0, sizeof(settings.link));
	netlink_add(&settings, IFLA_IFNAME, name, strlen(name) + 1);
	struct rtattr *families = netlink_add(&settings, IFLA_AF_SPEC, NULL, 0);
	add_ipv6(&settings);
	if (ours)
		add_ipv4(&settings);
	netlink_close_nest(&settings, families);
	int error = netlink_ask(&settings);
	struct netlink_message up = netlink_message(RTM_NEWLINK, 0, sizeof(up.link));
	up.link.ifi_flags = up.link.ifi_change = IFF_UP | IFF_NOARP;
	netlink_add(&up, IFLA_IFNAME, name, strlen(name) + 1);
	if (!error)
		error = netlink_ask(&up);
	if (error)
		fail("cannot set up %s, which answers of --reply geneve leave by: %s", name, strerror(error));
}

/*
 * An interface without an address takes nothing in unless reverse path filters are off. RFC 7600 has one that is nobody's, and the
 * kernel never chooses it, as it is for this machine only.
 */
static void add_address(__u32 device)
{
	const __u32 nobody = htonl(0xc0000008); /* 192.0.0.8 */
	struct netlink_message address = netlink_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(address.address));
	address.address = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_scope = RT_SCOPE_HOST, .ifa_index = device };
	netlink_add_number(&address, IFA_LOCAL, nobody);
	netlink_add_number(&address, IFA_ADDRESS, nobody);
	int error = netlink_ask(&address);
	if (error)
		fail("cannot give " REPLY_DEVICE " an address: %s", strerror(error));
}

static void read_filter(const struct nlmsghdr *entry, void *context)
{
	const struct netconfmsg *settings = NLMSG_DATA(entry);
	int length = entry->nlmsg_len - NLMSG_LENGTH(sizeof(*settings));
	for (const struct rtattr *one = (void *)((char *)settings + NLMSG_ALIGN(sizeof(*settings))); RTA_OK(one, length);
	     one = RTA_NEXT(one, length))
		if (one->rta_type == NETCONFA_RP_FILTER)
			memcpy(context, RTA_DATA(one), sizeof(int));
}

static int filter_of(int ifindex)
{
	struct netlink_message asked = netlink_message(RTM_GETNETCONF, 0, sizeof(asked.settings));
	asked.settings.ncm_family = AF_INET;
	netlink_add_number(&asked, NETCONFA_IFINDEX, ifindex);
	int filter = 0;
	netlink_get(&asked, read_filter, &filter);
	return filter;
}

/* The kernel goes by the larger number of the interface's reverse path filter and that of all interfaces. */
static bool filters_strictly(unsigned ifindex)
{
	int own = filter_of(ifindex), all = filter_of(NETCONFA_IFINDEX_ALL);
	return (own > all ? own : all) == 1;
}

/* True if the filter of any interface that replies through the load balancer is strict. */
static bool any_filters_strictly(const struct maps *maps)
{
	struct attachment attachment;
	__u32 ifindex;
	for (__u32 *at = NULL; bpf_map_get_next_key(maps->interfaces, at, &ifindex) == 0; at = &ifindex)
		if (bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment) == 0 && attachment.settings.reply != REPLY_DIRECT &&
		    filters_strictly(ifindex))
			return true;
	return false;
}

void reply_device_make(const struct maps *maps, unsigned ifindex, struct reply_device *device)
{
	static const __u8 address[ETH_ALEN] = { 0x02, 0, 0, 0, 0x60, 0x81 }; /* locally administered */
	memcpy(device->address, address, ETH_ALEN);
	make_device(address);
	set_up(PEER, false);
	set_up(REPLY_DEVICE, true);
	device->ifindex = if_nametoindex(REPLY_DEVICE);
	add_address(device->ifindex);
	device->takes_all = filters_strictly(ifindex) || any_filters_strictly(maps);
}

/* An attachment notes by --from any that the device takes all packets in. An interface that is attached as a whole has the program. */
static void attach_egress(const struct maps *maps, const char *name, bool takes_all, int egress)
{
	unsigned ifindex = if_nametoindex(name);
	struct attachment attachment = {};
	bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment);
	if (attachment.ingress)
		return;
	attachment.settings.from_count = takes_all;
	hook_note(&attachment, -1, egress);
	write_entry(maps->interfaces, &ifindex, &attachment);
	if (hook_attach(ifindex, name, &attachment, -1, egress))
		write_entry(maps->interfaces, &ifindex, &attachment);
}

void reply_device_start(const struct maps *maps, const struct settings *settings, const struct reply_device *device, int egress)
{
	attach_egress(maps, "lo", false, egress);
	attach_egress(maps, REPLY_DEVICE, device->takes_all, egress);
	reply_rules_add(settings);
}

static void detach_egress(const struct maps *maps, const char *name)
{
	unsigned ifindex = if_nametoindex(name);
	struct attachment attachment = {};
	if (!ifindex)
		return;
	bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment);
	if (attachment.ingress)
		return;
	hook_detach(ifindex, name, attachment.made_qdisc);
	bpf_map_delete_elem(maps->interfaces, &ifindex);
}

void reply_device_stop(const struct maps *maps)
{
	reply_rules_delete();
	detach_egress(maps, REPLY_DEVICE);
	detach_egress(maps, "lo");
	struct netlink_message deleted = netlink_message(RTM_DELLINK, 0, sizeof(deleted.link));
	netlink_add(&deleted, IFLA_IFNAME, REPLY_DEVICE, sizeof(REPLY_DEVICE));
	netlink_ask(&deleted);
}

static bool egress_is_attached(const struct maps *maps, const char *name)
{
	unsigned ifindex = if_nametoindex(name);
	struct attachment attachment = {};
	return bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment) == 0 && hook_egress(ifindex, &attachment);
}

bool reply_device_is_needed(const struct maps *maps, struct settings *settings)
{
	struct attachment attachment;
	__u32 ifindex;
	for (__u32 *at = NULL; bpf_map_get_next_key(maps->interfaces, at, &ifindex) == 0; at = &ifindex) {
		if (bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment) || attachment.settings.reply == REPLY_DIRECT)
			continue;
		*settings = attachment.settings;
		return true;
	}
	return false;
}

const char *reply_device_problem(const struct maps *maps)
{
	struct settings settings;
	struct attachment attachment = {};
	unsigned device = if_nametoindex(REPLY_DEVICE);
	if (!reply_device_is_needed(maps, &settings))
		return NULL;
	if (!netlink_is_up(REPLY_DEVICE) || !netlink_is_up(PEER))
		return REPLY_DEVICE " is gone, or it or its end " PEER " is down";
	if (!egress_is_attached(maps, REPLY_DEVICE))
		return "the diverter is off " REPLY_DEVICE;
	if (!egress_is_attached(maps, "lo"))
		return "the diverter is off the loopback, where answers to clients with a service's address pass";
	bpf_map_lookup_elem(maps->interfaces, &device, &attachment);
	if (!attachment.settings.from_count && any_filters_strictly(maps))
		return "net.ipv4.conf.*.rp_filter has become 1, by which the stack drops what does not come in by " REPLY_DEVICE;
	return reply_rules_problem(&settings);
}
