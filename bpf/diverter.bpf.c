// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The diverter takes the GENEVE headers of a Gateway Load Balancer off, and gives the inner packet to the socket that wants it. */
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
#include "reply.h"
#include "validate.h"
#include "verdicts.h"

/* Counters count packets as they are on the wire: what the kernel has merged, or will cut, into so many counts as many. */
static __always_inline void count(__u32 verdict, __u32 segments)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &verdict);
	if (counter)
		*counter += segments ? segments : 1;
}

/*
 * A call costs more than most checks: so what most packets need is in line. What few need is in functions of its own, as all
 * functions on the way share 512 bytes of stack.
 */
SEC("tc")
int diverter_ingress(struct __sk_buff *skb)
{
	struct packet packet = {};
	__u32 segments = skb->gso_segs; /* 0 once the headers are off */
	int verdict = validate(skb, &packet);
	if (verdict == CONTINUE && packet.fragment)
		verdict = reassemble(skb, &packet);
	if (verdict == CONTINUE)
		verdict = deliver(skb, &packet);
	else if (verdict == CONTINUE_ICMP_ERROR)
		verdict = deliver_icmp_error(skb, &packet);
	count(verdict, segments);
	switch (verdict) {
	case VERDICT_PASSED:
		return TC_ACT_UNSPEC; /* so that programs of others, behind this one, see it as if this one were not here */
	case VERDICT_DELIVERED_ESTABLISHED:
	case VERDICT_DELIVERED_CONNECTED:
	case VERDICT_DELIVERED_SERVICE:
	case VERDICT_DELIVERED_LOCAL:
	case VERDICT_DELIVERED_ERROR:
	case VERDICT_RESET:
		return TC_ACT_OK;
	default:
		return TC_ACT_SHOT;
	}
}

SEC("tc")
int diverter_egress(struct __sk_buff *skb)
{
	clamp_mss(skb);
	if (settings.reply == REPLY_DIRECT)
		return TC_ACT_UNSPEC;
	__u32 segments = skb->gso_segs;
	int verdict = reply(skb);
	if (verdict == VERDICT_PASSED)
		return TC_ACT_UNSPEC;
	count(verdict, segments);
	switch (verdict) {
	case VERDICT_REPLY_SENT:
		/* The load balancer's next hop is not the client's. The packet meets this program again, as the router's own. */
		return bpf_redirect_neigh(settings.ifindex, NULL, 0, 0);
	case VERDICT_REPLY_UNKNOWN:
		return TC_ACT_UNSPEC;
	default:
		return TC_ACT_SHOT;
	}
}

/* The kernel wants GPL of a program that uses its socket helpers; the source is under BSD-2-Clause as well. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
