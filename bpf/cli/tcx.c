// SPDX-License-Identifier: Apache-2.0
/*
 * tcx is a list of programs for each side of an interface, which kernels from 6.6 on run before any qdisc's filters. It is called
 * by bpf(2) itself, as the headers and the library that the command is built with may be older than it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "diverter.h"

#define TCX_TYPE(side) ((side) == BPF_TC_INGRESS ? 46 : 47) /* BPF_TCX_INGRESS, BPF_TCX_EGRESS */
#define REPLACE (1u << 2)				     /* BPF_F_REPLACE */
#define BEFORE (1u << 3)				     /* BPF_F_BEFORE: before no program in particular is the first place */

/* union bpf_attr has this part for BPF_PROG_ATTACH and BPF_PROG_DETACH. */
struct attaching {
	__u32 ifindex, program, type, flags, replaced, relative;
	__u64 revision;
};

/* union bpf_attr has this part for BPF_PROG_QUERY. */
struct querying {
	__u32 ifindex, type, query_flags, attach_flags;
	__u64 ids;
	__u32 count, zero;
	__u64 more[4];
};

bool tcx_list(unsigned ifindex, enum bpf_tc_attach_point side, struct tcx_list *list)
{
	struct querying query = { .ifindex = ifindex,
				  .type = TCX_TYPE(side),
				  .ids = (unsigned long)list->ids,
				  .count = TCX_MAX };
	list->count = 0;
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof(query)) == 0)
		list->count = query.count;
	else if (errno == EPERM)
		fail("cannot ask the kernel what is attached: run it as root, or with CAP_NET_ADMIN");
	else if (errno == EINVAL)
		return false;
	return true;
}

bool tcx_name(__u32 id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int program = bpf_prog_get_fd_by_id(id);
	bool known = program >= 0 && bpf_obj_get_info_by_fd(program, &info, &size) == 0;
	if (program >= 0)
		close(program);
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	return known;
}

/* A program is ours by its name, whatever its maps: the kernel keeps the first 15 characters of its function's. */
static bool is_ours(__u32 id)
{
	char name[BPF_OBJ_NAME_LEN];
	return tcx_name(id, name) && strncmp(name, "diverter_", strlen("diverter_")) == 0;
}

static void change(int command, struct attaching attaching, const char *name, const char *what)
{
	if (syscall(SYS_bpf, command, &attaching, sizeof(attaching)))
		fail("%s: cannot %s by tcx: %s", name, what, strerror(errno));
}

/* Every program of ours but `kept` is detached. */
static void remove_others(unsigned ifindex, const char *name, enum bpf_tc_attach_point side, __u32 kept)
{
	struct tcx_list list;
	tcx_list(ifindex, side, &list);
	for (__u32 i = 0; i < list.count; i++) {
		if (list.ids[i] == kept || !is_ours(list.ids[i]))
			continue;
		int program = bpf_prog_get_fd_by_id(list.ids[i]);
		change(BPF_PROG_DETACH, (struct attaching){ .ifindex = ifindex, .program = program, .type = TCX_TYPE(side) }, name,
		       "detach");
		close(program);
	}
}

void tcx_attach(unsigned ifindex, const char *name, enum bpf_tc_attach_point side, int program, __u32 id)
{
	struct attaching attaching = { .ifindex = ifindex, .program = program, .type = TCX_TYPE(side), .flags = BEFORE };
	struct tcx_list list;
	tcx_list(ifindex, side, &list);
	/*
	 * A program of ours that is the first already is exchanged. Else both are there for a moment, and the one behind sees
	 * what the first lets pass.
	 */
	int first = list.count && is_ours(list.ids[0]) ? bpf_prog_get_fd_by_id(list.ids[0]) : -1;
	if (first >= 0) {
		attaching.flags = REPLACE;
		attaching.replaced = first;
	}
	change(BPF_PROG_ATTACH, attaching, name, "attach");
	if (first >= 0)
		close(first);
	remove_others(ifindex, name, side, id);
}

void tcx_detach(unsigned ifindex, const char *name)
{
	remove_others(ifindex, name, BPF_TC_INGRESS, 0);
	remove_others(ifindex, name, BPF_TC_EGRESS, 0);
}

bool tcx_any(unsigned ifindex)
{
	struct tcx_list list;
	for (int side = BPF_TC_INGRESS; side <= BPF_TC_EGRESS; side++) {
		tcx_list(ifindex, side, &list);
		for (__u32 i = 0; i < list.count; i++)
			if (is_ours(list.ids[i]))
				return true;
	}
	return false;
}
