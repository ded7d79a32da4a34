/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* GENEVE (RFC 8926) as an AWS Gateway Load Balancer speaks it. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "common.h"
#include "parse.h"
#include "reasons.h"

#define GENEVE_PORT 6081

struct geneve {
	__u8 version_length; /* 2 bits of version, 6 of option length in words */
	__u8 flags;
	__be16 protocol;
	__u8 vni[3];
	__u8 reserved; /* to be ignored, as are the lower bits of flags */
};
#define GENEVE_VERSION(geneve) ((geneve)->version_length >> 6)
#define GENEVE_OPTION_BYTES(geneve) (((geneve)->version_length & 0x3f) * 4)
#define GENEVE_OPTION_BYTES_MAX (0x3f * 4)
#define GENEVE_FLAG_CONTROL 0x80

struct geneve_option {
	__be16 class;
	__u8 type;
	__u8 length; /* 3 reserved bits, 5 of data length in words */
};
#define GENEVE_OPTION_LENGTH(option) (((option)->length & 0x1f) * 4)
#define GENEVE_OPTION_CRITICAL 0x80

/* https://aws.amazon.com/blogs/networking-and-content-delivery/integrate-your-custom-logic-or-appliance-with-aws-gateway-load-balancer/ */
#define AWS_CLASS 0x0108
enum aws_option { AWS_ENDPOINT = 1, AWS_ATTACHMENT, AWS_COOKIE };
#define AWS_TYPES 3 /* the last of them, and a mask: without it older kernels do not see that a type stays in bounds */
#define AWS_OPTIONS_ALL (1 << AWS_ENDPOINT | 1 << AWS_ATTACHMENT | 1 << AWS_COOKIE)

/* The order in which AWS sends them, which nobody promises. */
struct aws_options {
	struct geneve_option endpoint;
	__u64 endpoint_id;
	struct geneve_option attachment;
	__u64 attachment_id;
	struct geneve_option cookie;
	__u32 cookie_value;
} __attribute__((packed, aligned(4)));
#define AWS_OPTION(number, words) { .class = bpf_htons(AWS_CLASS), .type = number, .length = words }

static __always_inline int is_option(const struct geneve_option *option, __u8 type, __u8 words)
{
	return (*(const __be32 *)option & bpf_htonl(0xffffff1f)) == bpf_htonl(AWS_CLASS << 16 | type << 8 | words);
}

/* Nothing before the options has a variable length. */
#define GENEVE_OPTIONS_AT (ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr) + sizeof(struct geneve))

/*
 * Reads so many bytes of options, those of AWS into `from`. They must each be there once and have their size; others are
 * skipped unless critical, as none that is critical is known: not those of AWS either, whose types it never sends as such. What
 * the header's C bit says of them is seen by looking, as RFC 8926 3.4 wants it. A global function, so that the verifier takes
 * the loop by itself, and once.
 */
__noinline int read_options(struct __sk_buff *skb, struct flow *from, __u32 left)
{
	struct cursor cursor = { (void *)(long)skb->data + GENEVE_OPTIONS_AT, (void *)(long)skb->data_end };
	__u32 seen = 0;

	if (!from)
		return REASON_GENEVE_TRUNCATED;
	for (int i = 0; i < GENEVE_OPTION_BYTES_MAX / (int)sizeof(struct geneve_option) && left; i++) {
		struct geneve_option *option = TAKE(&cursor, struct geneve_option);
		if (!option)
			return REASON_GENEVE_TRUNCATED;
		__u32 length = GENEVE_OPTION_LENGTH(option);
		left -= sizeof(*option);
		if (length > left)
			return REASON_GENEVE_OPTION_LENGTH;
		left -= length;
		void *data = take(&cursor, length);
		if (!data)
			return REASON_GENEVE_TRUNCATED;
		if (option->type & GENEVE_OPTION_CRITICAL)
			return REASON_GENEVE_CRITICAL;
		__u32 type = option->type;
		if (option->class != bpf_htons(AWS_CLASS) || type < AWS_ENDPOINT || type > AWS_COOKIE)
			continue;
		if (length != (type == AWS_COOKIE ? sizeof(__u32) : sizeof(__u64)))
			return REASON_GENEVE_OPTION_LENGTH;
		if (seen & 1 << type)
			return REASON_GENEVE_OPTION_DUPLICATE;
		seen |= 1 << type;
		/* Read alike, so that the verifier has one path; four bytes too many are part of the packet behind the cookie. */
		if (data + sizeof(__u64) <= cursor.end)
			from->option[type & AWS_TYPES] = *(__u64 *)data;
	}
	return seen == AWS_OPTIONS_ALL ? CONTINUE : REASON_GENEVE_OPTION_MISSING;
}

/* The options as AWS sends them, in one look. */
static __always_inline int read_usual_options(struct cursor cursor, struct flow *from, __u32 left)
{
	const struct aws_options *usual = TAKE(&cursor, struct aws_options);
	if (!usual || left != sizeof(*usual) || !is_option(&usual->endpoint, AWS_ENDPOINT, 2) ||
	    !is_option(&usual->attachment, AWS_ATTACHMENT, 2) || !is_option(&usual->cookie, AWS_COOKIE, 1))
		return 0;
	from->endpoint = usual->endpoint_id;
	from->attachment = usual->attachment_id;
	from->cookie = usual->cookie_value;
	return 1;
}
