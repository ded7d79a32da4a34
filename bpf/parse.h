/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading a packet: a cursor that only moves over bytes that are there. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct cursor {
	void *at;
	void *end;
};

/* The next `size` bytes, or NULL if the packet ends before. */
static __always_inline void *take(struct cursor *cursor, __u32 size)
{
	void *taken = cursor->at;
	if (taken + size > cursor->end)
		return NULL;
	cursor->at = taken + size;
	__builtin_assume(taken != NULL); /* or the caller's test for NULL becomes one more look at what is known to be there */
	return taken;
}

#define TAKE(cursor, type) ((type *)take(cursor, sizeof(type)))

/* A value that is not above `mask`, said so that the kernel sees it too, where the compiler knows and would leave it out. */
static __always_inline __u32 bounded(__u32 value, __u32 mask)
{
	barrier_var(value);
	return value & mask;
}

/* The same for a size that is not 0, which older kernels do not learn from a comparison. */
static __always_inline __u32 bounded_size(__u32 size, __u32 mask)
{
	return bounded(size - 1, mask) + 1;
}
