/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An AWS Gateway Load Balancer speaks GENEVE (RFC 8926). */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "common.h"
#include "parse.h"
#include "verdicts.h"

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
#define AWS_TYPES 3 /* the last type, and a mask, without which the verifier of older kernels does not see that a type is in bounds */
#define AWS_OPTIONS_ALL (1 << AWS_ENDPOINT | 1 << AWS_ATTACHMENT | 1 << AWS_COOKIE)

/* AWS sends its options so, in an order that nobody promises. */
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

/* The options are always here, as no header before them has a variable length. */
#define GENEVE_AT (ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr))
#define GENEVE_OPTIONS_AT (GENEVE_AT + sizeof(struct geneve))

/*
 * GENEVE options, `left` bytes of them, are read: those of AWS into `from`, each of which must be there once and have its size.
 * Others are skipped unless critical, as none that is critical is known: not those of AWS either, whose types it never sends as
 * such. The header's C bit is not asked, as RFC 8926 3.4 has each option looked at anyway. A global function, so that the kernel
 * verifies the loop by itself, and once.
 */
__noinline int read_options(struct __sk_buff *skb, struct flow *from, __u32 left)
{
	struct cursor cursor = { (void *)(long)skb->data + GENEVE_OPTIONS_AT, (void *)(long)skb->data_end };
	__u32 seen = 0;

	if (!from)
		return VERDICT_GENEVE_TRUNCATED;
	for (int i = 0; i < GENEVE_OPTION_BYTES_MAX / (int)sizeof(struct geneve_option) && left; i++) {
		struct geneve_option *option = TAKE(&cursor, struct geneve_option);
		if (!option)
			return VERDICT_GENEVE_TRUNCATED;
		__u32 length = GENEVE_OPTION_LENGTH(option);
		left -= sizeof(*option);
		if (length > left)
			return VERDICT_GENEVE_OPTION_LENGTH;
		left -= length;
		void *data = take(&cursor, length);
		if (!data)
			return VERDICT_GENEVE_TRUNCATED;
		if (option->type & GENEVE_OPTION_CRITICAL)
			return VERDICT_GENEVE_CRITICAL;
		__u32 type = option->type;
		if (option->class != bpf_htons(AWS_CLASS) || type < AWS_ENDPOINT || type > AWS_COOKIE)
			continue;
		if (length != (type == AWS_COOKIE ? sizeof(__u32) : sizeof(__u64)))
			return VERDICT_GENEVE_OPTION_LENGTH;
		if (seen & 1 << type)
			return VERDICT_GENEVE_OPTION_DUPLICATE;
		seen |= 1 << type;
		/* The verifier has one path if all are read alike: behind the cookie, four bytes of the packet are read along. */
		if (data + sizeof(__u64) <= cursor.end)
			from->option[type & AWS_TYPES] = *(__u64 *)data;
	}
	return seen == AWS_OPTIONS_ALL ? CONTINUE : VERDICT_GENEVE_OPTION_MISSING;
}

/* GENEVE's header is as AWS sends it around IPv4, without a fault; reserved bits are ignored. */
static __always_inline int is_usual_header(const struct geneve *geneve)
{
	const __be32 *words = (const __be32 *)geneve;
	return (words[0] & bpf_htonl(0xff80ffff)) == bpf_htonl(sizeof(struct aws_options) / 4 << 24 | ETH_P_IP) &&
	       !(words[1] & bpf_htonl(0xffffff00));
}

/* AWS's options are exactly as it sends them, and now in `from`. */
static __always_inline int read_usual_options(const struct aws_options *options, struct flow *from)
{
	if (!is_option(&options->endpoint, AWS_ENDPOINT, 2) || !is_option(&options->attachment, AWS_ATTACHMENT, 2) ||
	    !is_option(&options->cookie, AWS_COOKIE, 1))
		return 0;
	/* The compiler would load what is aligned to 4 bytes in two halves. */
	from->endpoint = *(const __u64 *)(const void *)&options->endpoint_id;
	from->attachment = *(const __u64 *)(const void *)&options->attachment_id;
	from->cookie = options->cookie_value;
	return 1;
}

/* Most packets have GENEVE as AWS sends it: one that has not is looked at field by field. */
struct usual_geneve {
	struct geneve header;
	struct aws_options options;
};
#define USUAL_LENGTH (sizeof(struct udphdr) + sizeof(struct usual_geneve))
static __always_inline int read_usual_geneve(struct cursor *cursor, struct flow *from)
{
	const struct usual_geneve *usual = TAKE(cursor, struct usual_geneve);
	return usual && is_usual_header(&usual->header) && read_usual_options(&usual->options, from);
}
