/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program's settings have the addresses of its router; some addresses no host has. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "common.h"
#include "maps.h"

/*
 * True for one of the first `count` IPv4 addresses of the router. Counts are settings, and so constants to the kernel's
 * verifier; the command writes none that is larger than its array: to compare them here would cost each packet.
 */
static __always_inline int one_of_first(__be32 address, __u32 count)
{
	for (const volatile __u32 *own = settings.address; count; own++, count--)
		if (*own == address)
			return 1;
	return 0;
}

static __always_inline int own_address(__be32 address)
{
	return one_of_first(address, settings.address_count);
}

static __always_inline int own_address6(const __u32 *address)
{
	const volatile __u32 *own = settings.address6[0].words;
	for (__u32 count = settings.address6_count; count; own += 4, count--)
		if (own[0] == address[0] && own[1] == address[1] && own[2] == address[2] && own[3] == address[3])
			return 1;
	return 0;
}

static __always_inline int in_one_of(__be32 address, const volatile struct prefix4 *prefix, __u32 count)
{
	for (; count; prefix++, count--)
		if ((address & prefix->mask) == prefix->address)
			return 1;
	return 0;
}

/* True for an unspecified, loopback or multicast address, and for IPv4-mapped ones, which would reach an IPv4 socket. */
static __always_inline int no_host6(const __u32 *address)
{
	int high_zero = !address[0] && !address[1] && !address[2];
	int mapped = !address[0] && !address[1] && address[2] == bpf_htonl(0xffff);
	return (high_zero && bpf_ntohl(address[3]) <= 1) || mapped || (address[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}
