// SPDX-License-Identifier: Apache-2.0
/* Programs are attached to an interface by tcx where the kernel has it, else to a clsact qdisc. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "diverter.h"

static bool has_tcx(unsigned ifindex)
{
	struct tcx_list list;
	return tcx_list(ifindex, BPF_TC_INGRESS, &list);
}

void hook_check(unsigned ifindex, const char *name)
{
	if (!has_tcx(ifindex))
		filter_check(ifindex, name);
}

static __u32 program_id(int program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	if (bpf_obj_get_info_by_fd(program, &info, &size))
		fail("cannot look at the program that was loaded: %s", strerror(errno));
	return info.id;
}

void hook_note(struct attachment *attachment, int ingress, int egress)
{
	attachment->ingress = ingress < 0 ? 0 : program_id(ingress);
	attachment->egress = program_id(egress);
}

bool hook_attach(unsigned ifindex, const char *name, struct attachment *attachment, int ingress, int egress)
{
	bool made_qdisc = attachment->made_qdisc;
	if (!has_tcx(ifindex)) {
		attachment->made_qdisc |= filter_attach(ifindex, name, ingress, egress);
	} else {
		tcx_attach(ifindex, name, BPF_TC_EGRESS, egress, attachment->egress);
		if (ingress >= 0)
			tcx_attach(ifindex, name, BPF_TC_INGRESS, ingress, attachment->ingress);
		/* An older version may have put filters there. */
		filter_detach(ifindex, made_qdisc);
		attachment->made_qdisc = false;
	}
	return attachment->made_qdisc != made_qdisc;
}

void hook_detach(unsigned ifindex, const char *name, bool made_qdisc)
{
	tcx_detach(ifindex, name);
	filter_detach(ifindex, made_qdisc);
}

bool hook_any(unsigned ifindex)
{
	return tcx_any(ifindex) || filter_any(ifindex);
}

/* Returns the program's place in the list, or the list's length. */
static __u32 place_of(const struct tcx_list *list, __u32 id)
{
	__u32 place = 0;
	while (place < list->count && list->ids[place] != id)
		place++;
	return place;
}

static enum hook hook_of(unsigned ifindex, enum bpf_tc_attach_point side, __u32 id)
{
	struct tcx_list list;
	tcx_list(ifindex, side, &list);
	if (place_of(&list, id) < list.count)
		return HOOK_TCX;
	return filter_program(ifindex, side) == id ? HOOK_CLSACT : HOOK_NONE;
}

bool hook_egress(unsigned ifindex, const struct attachment *attachment)
{
	return attachment->egress && hook_of(ifindex, BPF_TC_EGRESS, attachment->egress);
}

enum hook attached(unsigned ifindex, const struct attachment *attachment)
{
	if (!attachment->ingress || !hook_of(ifindex, BPF_TC_EGRESS, attachment->egress))
		return HOOK_NONE;
	return hook_of(ifindex, BPF_TC_INGRESS, attachment->ingress);
}

void hook_each_front(unsigned ifindex, const struct attachment *attachment, void (*each)(const struct front *front, void *context),
		     void *context)
{
	for (int side = BPF_TC_INGRESS; side <= BPF_TC_EGRESS; side++) {
		__u32 id = side == BPF_TC_INGRESS ? attachment->ingress : attachment->egress;
		struct front front = { .ifindex = ifindex, .side = side == BPF_TC_INGRESS ? "ingress" : "egress" };
		struct tcx_list list;
		tcx_list(ifindex, side, &list);
		__u32 place = place_of(&list, id);
		for (__u32 i = 0; i < place; i++) {
			front.program = list.ids[i];
			tcx_name(front.program, front.name);
			each(&front, context);
		}
		front.program = 0;
		if (place == list.count && filter_is_behind(ifindex, side))
			each(&front, context);
	}
}
