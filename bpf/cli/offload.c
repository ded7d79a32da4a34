// SPDX-License-Identifier: Apache-2.0
/* Features of an interface are what its driver, or the kernel on its behalf, does to packets. ethtool has the same names for them. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "diverter.h"

const char *const merging_offloads[MERGING_OFFLOADS] = { "rx-udp-gro-forwarding", "rx-gro-list" };

#define FEATURES_MAX 256
#define BLOCKS_MAX (FEATURES_MAX / 32)

/* A request to ethtool's ioctl begins with its command. False, with errno, if the kernel refuses. */
static bool ask(const char *name, void *asked)
{
	static int fd = -1;
	struct ifreq request = { .ifr_data = asked };
	/* Any socket does: the units that ask have this kind. */
	if (fd < 0)
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(fd, SIOCETHTOOL, &request) == 0;
}

/* Returns the number of the feature with this name, or -1 if this kernel has none; and how many blocks it has features in. */
static int number_of(const char *name, const char *feature, __u32 *blocks)
{
	struct {
		struct ethtool_sset_info info;
		__u32 count;
	} set = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_FEATURES } };
	struct {
		struct ethtool_gstrings head;
		char names[FEATURES_MAX][ETH_GSTRING_LEN];
	} strings = { .head = { .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES } };
	if (!ask(name, &set) || set.count > FEATURES_MAX)
		return -1;
	strings.head.len = set.count;
	*blocks = (set.count + 31) / 32;
	if (!ask(name, &strings))
		return -1;
	for (__u32 i = 0; i < strings.head.len; i++)
		if (strncmp(strings.names[i], feature, ETH_GSTRING_LEN) == 0)
			return i;
	return -1;
}

bool offload_is_on(const char *name, const char *feature)
{
	struct {
		struct ethtool_gfeatures head;
		struct ethtool_get_features_block blocks[BLOCKS_MAX];
	} got = { .head = { .cmd = ETHTOOL_GFEATURES, .size = BLOCKS_MAX } };
	__u32 blocks;
	int number = number_of(name, feature, &blocks);
	return number >= 0 && ask(name, &got) && got.blocks[number / 32].active >> number % 32 & 1;
}

bool offload_cuts_datagrams(const char *name)
{
	return offload_is_on(name, "tx-checksum-ip-generic") || offload_is_on(name, "tx-checksum-ipv4") ||
	       offload_is_on(name, "tx-checksum-ipv6");
}

bool offload_turn(const char *name, const char *feature, bool on)
{
	struct {
		struct ethtool_sfeatures head;
		struct ethtool_set_features_block blocks[BLOCKS_MAX];
	} set = { .head = { .cmd = ETHTOOL_SFEATURES } };
	int number = number_of(name, feature, &set.head.size);
	if (number < 0)
		return !on;
	set.blocks[number / 32].valid = 1u << number % 32;
	set.blocks[number / 32].requested = (__u32)on << number % 32;
	return ask(name, &set) && offload_is_on(name, feature) == on;
}
