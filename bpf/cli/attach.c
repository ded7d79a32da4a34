// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "diverter.h"

static void add_address(const struct sockaddr *address, struct settings *settings)
{
	__u32 *count = address->sa_family == AF_INET    ? &settings->address_count
		       : address->sa_family == AF_INET6 ? &settings->address6_count
							: NULL;
	if (!count)
		return;
	if (*count == MAX_ADDRESSES)
		fail("this router has more than %d addresses of a family: more than the diverter can keep out of the load balancer's "
		     "reach",
		     MAX_ADDRESSES);
	if (address->sa_family == AF_INET)
		settings->address[*count] = ((struct sockaddr_in *)address)->sin_addr.s_addr;
	else
		memcpy(&settings->address6[*count], &((struct sockaddr_in6 *)address)->sin6_addr, sizeof(struct address));
	++*count;
}

/* The interface's addresses come first, then those of all others but the loopback, whose addresses are the services'. */
static void read_addresses(const char *name, struct settings *settings)
{
	struct ifaddrs *all;
	if (getifaddrs(&all))
		fail("cannot read the addresses of %s: %s", name, strerror(errno));
	for (struct ifaddrs *one = all; one; one = one->ifa_next)
		if (one->ifa_addr && strcmp(one->ifa_name, name) == 0)
			add_address(one->ifa_addr, settings);
	settings->interface_count = settings->address_count;
	for (struct ifaddrs *one = all; one; one = one->ifa_next)
		if (one->ifa_addr && strcmp(one->ifa_name, name) != 0 && strcmp(one->ifa_name, REPLY_DEVICE) != 0 &&
		    !(one->ifa_flags & IFF_LOOPBACK))
			add_address(one->ifa_addr, settings);
	freeifaddrs(all);
	if (!settings->interface_count)
		fail("%s has no IPv4 address to receive GENEVE at: give it one, or bring it up, first", name);
}

/* What replies need goes with the last interface that replies through the load balancer. The maps of flows take much memory. */
static void forget_replies(const struct maps *maps)
{
	struct settings settings;
	if (reply_device_is_needed(maps, &settings))
		return;
	reply_device_stop(maps);
	unlink(PINS "/flows");
	unlink(PINS "/reply_fragments");
	unlink(PINS "/translations");
}

/* An interface that was deleted while attached left nothing but its attachment in the map, which is deleted here. */
static void forget_vanished(const struct maps *maps)
{
	char name[IF_NAMESIZE];
	__u32 ifindex, next;
	bool more = bpf_map_get_next_key(maps->interfaces, NULL, &ifindex) == 0;
	while (more) {
		more = bpf_map_get_next_key(maps->interfaces, &ifindex, &next) == 0;
		if (!if_indextoname(ifindex, name))
			bpf_map_delete_elem(maps->interfaces, &ifindex);
		ifindex = next;
	}
}

/*
 * The secret is that of another attachment, or of this one's program before: they share the slots of fragmented datagrams, and
 * a datagram whose fragments come by two of them is still whole. Without one it is new.
 */
static __u32 find_secret(const struct maps *maps)
{
	struct attachment attachment;
	__u32 ifindex, secret = 0;
	for (__u32 *at = NULL; !secret && bpf_map_get_next_key(maps->interfaces, at, &ifindex) == 0; at = &ifindex)
		if (bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment) == 0)
			secret = attachment.settings.secret;
	while (!secret)
		if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret))
			fail("the kernel gives no random number: %s", strerror(errno));
	return secret;
}

/* The kernel may merge datagrams only where nothing of it is GENEVE: who turned this on cannot have meant this interface. */
static void turn_merging_off(const char *name)
{
	for (int i = 0; i < MERGING_OFFLOADS; i++) {
		const char *offload = merging_offloads[i];
		if (offload_is_on(name, offload))
			printf("%s of %s %s: it merges GENEVE's datagrams, which are then lost\n", offload, name,
			       offload_turn(name, offload, false) ? "is turned off" : "cannot be turned off");
	}
}

static void add_broadcast(struct reply_device *device, __u32 address)
{
	if (device->broadcast_count < MAX_BROADCASTS)
		device->broadcast[device->broadcast_count++] = address;
}

/* The kernel has each network's last address as its broadcast address, and that which the interface was given for one. */
static void read_broadcasts(struct reply_device *device)
{
	struct ifaddrs *all;
	if (getifaddrs(&all))
		fail("cannot read the addresses of this machine: %s", strerror(errno));
	for (struct ifaddrs *one = all; one; one = one->ifa_next) {
		if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET || !one->ifa_netmask || !(one->ifa_flags & IFF_BROADCAST))
			continue;
		__u32 address = ((struct sockaddr_in *)one->ifa_addr)->sin_addr.s_addr;
		__u32 hosts = ~((struct sockaddr_in *)one->ifa_netmask)->sin_addr.s_addr;
		if (ntohl(hosts) > 1)
			add_broadcast(device, address | hosts);
		if (one->ifa_broadaddr)
			add_broadcast(device, ((struct sockaddr_in *)one->ifa_broadaddr)->sin_addr.s_addr);
	}
	freeifaddrs(all);
}

static void make_local(const struct rule *rule, void *context)
{
	(void)context;
	route_restore(&rule->destination);
}

void attach(const char *name, struct settings *settings)
{
	need_root("attach");
	unsigned ifindex = if_nametoindex(name);
	if (!ifindex)
		fail("there is no interface %s: `ip link` names those there are", name);
	settings->ifindex = ifindex;
	read_addresses(name, settings);
	/* Before anything is made. */
	hook_check(ifindex, name);
	if (settings->reply == REPLY_GENEVE)
		hook_check(if_nametoindex("lo"), "lo");

	struct maps maps;
	maps_lock(&maps);
	forget_vanished(&maps);
	struct attachment attachment = {};
	bpf_map_lookup_elem(maps.interfaces, &ifindex, &attachment);
	settings->secret = find_secret(&maps);
	struct reply_device reply_device = {};
	if (settings->reply == REPLY_GENEVE) {
		read_broadcasts(&reply_device);
		reply_device_make(&maps, ifindex, &reply_device);
	}
	if (settings->reply == REPLY_GENEVE && !offload_cuts_datagrams(name))
		settings->reply = REPLY_GENEVE_UNCUT;
	struct bpf_object *object = program_open(settings, &reply_device);
	if (bpf_object__load(object))
		fail("the kernel refused the program: %s. If another version's maps are in the way, `rm -r " PINS "`, attach again and "
		     "restart the router; DIVERTER_DEBUG=1 shows more",
		     strerror(errno));
	/* Rules of an older version get routes too, and those whose routes someone took away. */
	rules_each(&maps, make_local, NULL);
	locals_refresh();
	turn_merging_off(name);
	int ingress = program_descriptor(object, "diverter_ingress"), egress = program_descriptor(object, "diverter_egress");
	/* The map comes first: a program that is noted but not attached is seen as such, not so the other way round. */
	attachment.settings = *settings;
	hook_note(&attachment, ingress, egress);
	write_entry(maps.interfaces, &ifindex, &attachment);
	if (hook_attach(ifindex, name, &attachment, ingress, egress))
		write_entry(maps.interfaces, &ifindex, &attachment);
	if (settings->reply != REPLY_DIRECT)
		reply_device_start(&maps, settings, &reply_device, egress);
	bpf_object__close(object);
	/* The program that is there now takes what is merged. */
	gro_start();
	forget_replies(&maps);
	pins_share();
}

/* Programs are detached even if they are of other maps, or of none any more. */
static void detach_interface(const struct maps *maps, unsigned ifindex, const char *name)
{
	struct attachment attachment = {};
	bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment);
	hook_detach(ifindex, name, attachment.made_qdisc);
	bpf_map_delete_elem(maps->interfaces, &ifindex);
	forget_replies(maps);
	if (bpf_map_get_next_key(maps->interfaces, NULL, &ifindex))
		gro_stop();
}

static bool is_noted(const struct maps *maps, unsigned ifindex)
{
	struct attachment attachment;
	return bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment) == 0;
}

void detach(const char *name)
{
	need_root("detach");
	struct maps maps;
	maps_lock(&maps);
	unsigned ifindex = if_nametoindex(name);
	if (!ifindex)
		fail("there is no interface %s: `diverter status` names those attached", name);
	detach_interface(&maps, ifindex, name);
}

void detach_all(void)
{
	need_root("detach");
	struct maps maps;
	maps_lock(&maps);
	forget_vanished(&maps);
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *one = all; one && one->if_index; one++)
		if (hook_any(one->if_index) || is_noted(&maps, one->if_index))
			detach_interface(&maps, one->if_index, one->if_name);
	if_freenameindex(all);
	/* An attach that was killed may have left what answers need, and no interface. */
	forget_replies(&maps);
	/* A router that goes on running does not say its services again: the maps stay while there are any. */
	if (rules_count(&maps))
		return;
	route_flush();
	maps_remove();
}
