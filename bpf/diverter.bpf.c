// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The diverter: takes what a Gateway Load Balancer sends out of its GENEVE and gives it to the socket that wants it. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "common.h"
#include "deliver.h"
#include "fragment.h"
#include "icmp_error.h"
#include "maps.h"
#include "mss.h"
#include "packet.h"
#include "reasons.h"
#include "reply.h"
#include "verify.h"

static __always_inline void count(__u32 reason)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &reason);
	if (counter)
		(*counter)++;
}

/*
 * What most packets need is in line, as each call costs more than most checks; what few need is in functions of its own, as
 * all functions on the way share 512 bytes of stack.
 */
SEC("tc")
int diverter_ingress(struct __sk_buff *skb)
{
	struct packet packet = {};
	int reason = verify(skb, &packet);
	if (reason == CONTINUE && packet.fragment)
		reason = reassemble(skb, &packet);
	if (reason == CONTINUE)
		reason = deliver(skb, &packet);
	else if (reason == CONTINUE_ICMP_ERROR)
		reason = deliver_error(skb, &packet);
	count(reason);
	switch (reason) {
	case REASON_PASSED:
		return TC_ACT_UNSPEC; /* so that filters of others, behind ours, see it as if we were not here */
	case REASON_DELIVERED_ESTABLISHED:
	case REASON_DELIVERED_CONNECTED:
	case REASON_DELIVERED_SERVICE:
	case REASON_DELIVERED_LOCAL:
	case REASON_DELIVERED_ERROR:
	case REASON_RESET:
		return TC_ACT_OK;
	default:
		return TC_ACT_SHOT;
	}
}

SEC("tc")
int diverter_egress(struct __sk_buff *skb)
{
	clamp_mss(skb);
	if (settings.reply != REPLY_GENEVE)
		return TC_ACT_UNSPEC;
	int reason = reply(skb);
	if (reason == REASON_PASSED)
		return TC_ACT_UNSPEC;
	count(reason);
	switch (reason) {
	case REASON_REPLY_SENT:
		/* The load balancer's next hop is not the client's. Seen again on its way, it is the router's own traffic. */
		return bpf_redirect_neigh(settings.ifindex, NULL, 0, 0);
	case REASON_REPLY_UNKNOWN:
		return TC_ACT_UNSPEC;
	default:
		return TC_ACT_SHOT;
	}
}

/* GPL, as the kernel wants it of a program that uses its socket helpers; the source is under BSD-2-Clause as well. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
