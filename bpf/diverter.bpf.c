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
#include "translate.h"
#include "validate.h"
#include "verdicts.h"

#define LOOPBACK 1 /* the kernel's index of it in every namespace */

/* Counters count packets as they are on the wire. */
static __always_inline void count(__u32 verdict, __u32 segments)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &verdict);
	if (counter)
		*counter += segments;
}

/* A datagram that is whole has no outer headers any more, by which it could arrive once more. */
static __always_inline int reassemble_with_port(struct __sk_buff *skb, struct packet *packet)
{
	int verdict = reassemble(skb, packet);
	if (verdict == CONTINUE && settings.reply != REPLY_DIRECT && packet->from.node && find_translation(packet))
		translate(skb, packet);
	return verdict;
}

/*
 * A call costs more than most checks: so what most packets need is in line. What few need is in functions of its own, as all
 * functions on the way share 512 bytes of stack.
 */
SEC("tc")
int diverter_ingress(struct __sk_buff *skb)
{
	struct packet packet;
	int verdict = validate(skb, &packet);
	if (verdict >= 0) {
		count(verdict, segments_of(skb));
		/* Programs of others, behind this one, see a packet that is passed as if this one were not here. */
		return verdict == VERDICT_PASSED ? TC_ACT_UNSPEC : TC_ACT_SHOT;
	}
	if (verdict == CONTINUE_FRAGMENT)
		verdict = reassemble_with_port(skb, &packet);
	if (verdict == CONTINUE) {
		verdict = deliver(skb, &packet);
		if (verdict == VERDICT_FLOW_CONFLICT && packet.outer && translate(skb, &packet))
			return bpf_redirect(settings.ifindex, BPF_F_INGRESS); /* the packet arrives once more */
	} else if (verdict == CONTINUE_ICMP_ERROR) {
		verdict = deliver_icmp_error(skb, &packet);
	}
	count(verdict, 1 + packet.merged);
	switch (verdict) {
	case VERDICT_DELIVERED_ESTABLISHED:
	case VERDICT_DELIVERED_CONNECTED:
	case VERDICT_DELIVERED_SERVICE:
	case VERDICT_DELIVERED_LOCAL:
	case VERDICT_DELIVERED_ERROR:
	case VERDICT_RESET:
		return takes_detour(&packet) ? detour(skb) : TC_ACT_OK;
	default:
		return TC_ACT_SHOT;
	}
}

/*
 * With --reply geneve this program is on three interfaces: on our device, by which a policy rule leads all answers, on the loopback, which
 * leads there those to a client whose address is a service's, and on the interface itself, if someone took the rule away.
 */
SEC("tc")
int diverter_egress(struct __sk_buff *skb)
{
	struct flow_key key = {};
	struct flow *flow = NULL;
	int verdict = VERDICT_REPLY_UNKNOWN;
	__u32 ifindex = settings.ifindex, segments = segments_of(skb);
	if (settings.reply != REPLY_DIRECT) {
		verdict = read_reply(skb, &key);
		if (verdict == CONTINUE) {
			flow = bpf_map_lookup_elem(&flows, &key);
			verdict = VERDICT_REPLY_UNKNOWN;
		}
		if (!flow && skb->ifindex == LOOPBACK)
			return TC_ACT_UNSPEC;
	}
	clamp_mss(skb);
	if (settings.reply == REPLY_DIRECT)
		return TC_ACT_UNSPEC;
	if (flow)
		verdict = send_reply(skb, &key, flow, &ifindex);
	else if (skb->ifindex != settings.ifindex && verdict != VERDICT_REPLY_TOO_LARGE)
		return send_on(skb); /* the packet meets this program again at its interface, if that has it */
	if (verdict == VERDICT_PASSED)
		return TC_ACT_UNSPEC;
	count(verdict, segments);
	switch (verdict) {
	case VERDICT_REPLY_SENT:
		/* The load balancer's next hop is not the client's. The packet meets this program again, as the router's own. */
		return bpf_redirect_neigh(ifindex, NULL, 0, 0);
	case VERDICT_REPLY_UNKNOWN:
		return TC_ACT_UNSPEC;
	default:
		return TC_ACT_SHOT;
	}
}

/* The kernel wants GPL of a program that uses its socket helpers; the source is under BSD-2-Clause as well. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
