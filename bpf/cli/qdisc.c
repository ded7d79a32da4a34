// SPDX-License-Identifier: Apache-2.0
/* clsact qdiscs and the filters on them. Those of others are looked at, never changed. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <string.h>

#include "diverter.h"
#include "netlink.h"

#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

/* A filter has its priority in the upper half of tcm_info. The entry of handle 0 only announces those of a priority. */
#define PRIORITY(message) (TC_H_MAJ((message)->tcm_info) >> 16)

/* A test of an entry of the kernel's list, which has its attributes behind it. */
typedef bool match(const struct nlmsghdr *header, unsigned ifindex);

static bool runs_before_ours(const struct nlmsghdr *header, unsigned ifindex)
{
	const struct tcmsg *filter = NLMSG_DATA(header);
	(void)ifindex;
	return filter->tcm_handle && filter->tcm_handle != FILTER_HANDLE && PRIORITY(filter) <= FILTER_PRIORITY;
}

static bool is_there(const struct nlmsghdr *header, unsigned ifindex)
{
	(void)ifindex;
	return ((const struct tcmsg *)NLMSG_DATA(header))->tcm_handle != 0;
}

/* The ingress qdisc has the same parent as clsact, and another kind. */
static bool is_ingress_qdisc(const struct nlmsghdr *header, unsigned ifindex)
{
	const struct tcmsg *qdisc = NLMSG_DATA(header);
	if ((unsigned)qdisc->tcm_ifindex != ifindex || qdisc->tcm_parent != TC_H_INGRESS)
		return false;
	int length = TCA_PAYLOAD(header);
	for (struct rtattr *each = TCA_RTA(qdisc); RTA_OK(each, length); each = RTA_NEXT(each, length))
		if (each->rta_type == TCA_KIND)
			return strcmp(RTA_DATA(each), "ingress") == 0;
	return false;
}

struct search {
	int type;
	unsigned ifindex;
	match *matches;
	bool found;
};

static void find(const struct nlmsghdr *entry, void *context)
{
	struct search *search = context;
	search->found |= entry->nlmsg_type == search->type && search->matches(entry, search->ifindex);
}

/* True if any entry of the kernel's list matches: of filters below a parent, or of qdiscs. */
static bool any_listed(int request_type, int answer_type, unsigned ifindex, __u32 parent, match *matches)
{
	struct search search = { answer_type, ifindex, matches, false };
	struct netlink_message asked = netlink_message(request_type, 0, sizeof(asked.filter));
	asked.filter = (struct tcmsg){ .tcm_ifindex = ifindex, .tcm_parent = parent };
	netlink_list(&asked, "filters", find, &search);
	return search.found;
}

static bool any_filter(unsigned ifindex, __u32 parent, match *matches)
{
	return any_listed(RTM_GETTFILTER, RTM_NEWTFILTER, ifindex, parent, matches);
}

static bool has_ingress_qdisc(unsigned ifindex)
{
	return any_listed(RTM_GETQDISC, RTM_NEWQDISC, ifindex, 0, is_ingress_qdisc);
}

/* The clsact qdisc is added if it is not there. Returns true if it was not. */
static bool add_qdisc(unsigned ifindex, const char *name)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	int error = bpf_tc_hook_create(&hook);
	if (error && error != -EEXIST)
		fail("%s: cannot add a clsact qdisc: %s", name, strerror(-error));
	return !error;
}

static void replace_filter(unsigned ifindex, const char *name, enum bpf_tc_attach_point side, int program)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = side);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY, .prog_fd = program,
			    .flags = BPF_TC_F_REPLACE);
	int error = bpf_tc_attach(&hook, &options);
	if (error)
		fail("%s: cannot attach: %s", name, strerror(-error));
}

__u32 filter_program(unsigned ifindex, enum bpf_tc_attach_point side)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = side);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	return bpf_tc_query(&hook, &options) ? 0 : options.prog_id;
}

static void remove_filter(unsigned ifindex, enum bpf_tc_attach_point side)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = side);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	if (filter_program(ifindex, side))
		bpf_tc_detach(&hook, &options);
}

bool filter_is_behind(unsigned ifindex, enum bpf_tc_attach_point side)
{
	return any_filter(ifindex, side == BPF_TC_INGRESS ? INGRESS : EGRESS, runs_before_ours);
}

void filter_check(unsigned ifindex, const char *name)
{
	/* An ingress qdisc takes filters for either side, and has them all see what comes in. */
	if (has_ingress_qdisc(ifindex))
		fail("%s has an ingress qdisc of someone else, which knows only one direction: remove it by `tc qdisc del dev %s ingress`, "
		     "or put its filters on a clsact qdisc",
		     name, name);
	if (filter_is_behind(ifindex, BPF_TC_INGRESS) || filter_is_behind(ifindex, BPF_TC_EGRESS))
		fail("%s has a filter of someone else at priority %d, where ours must be the first: see `tc filter show dev %s "
		     "ingress` and `egress`, and remove it or give it a later priority",
		     name, FILTER_PRIORITY, name);
}

bool filter_attach(unsigned ifindex, const char *name, int ingress, int egress)
{
	bool made_qdisc = add_qdisc(ifindex, name);
	replace_filter(ifindex, name, BPF_TC_EGRESS, egress);
	if (ingress >= 0)
		replace_filter(ifindex, name, BPF_TC_INGRESS, ingress);
	return made_qdisc;
}

bool filter_any(unsigned ifindex)
{
	return filter_program(ifindex, BPF_TC_INGRESS) || filter_program(ifindex, BPF_TC_EGRESS);
}

void filter_detach(unsigned ifindex, bool made_qdisc)
{
	remove_filter(ifindex, BPF_TC_INGRESS);
	remove_filter(ifindex, BPF_TC_EGRESS);
	if (made_qdisc && !any_filter(ifindex, INGRESS, is_there) && !any_filter(ifindex, EGRESS, is_there)) {
		DECLARE_LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
		bpf_tc_hook_destroy(&both);
	}
}
