/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A cursor reads a packet: it only moves over bytes that are there. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct cursor {
	void *at;
	void *end;
};

/* Returns the next `size` bytes, or NULL if the packet ends before. */
static __always_inline void *take(struct cursor *cursor, __u32 size)
{
	void *taken = cursor->at;
	if (taken + size > cursor->end)
		return NULL;
	cursor->at = taken + size;
	__builtin_assume(taken != NULL); /* or the caller's test for NULL is compiled once more */
	return taken;
}

#define TAKE(cursor, type) ((type *)take(cursor, sizeof(type)))

/* The verifier learns that the value is not above `mask`: the compiler, which knows, would leave the mask out. */
static __always_inline __u32 bounded(__u32 value, __u32 mask)
{
	barrier_var(value);
	return value & mask;
}

/* The verifier learns that a size is neither 0 nor above `mask` + 1: those of older kernels do not learn it from a comparison. */
static __always_inline __u32 bounded_size(__u32 size, __u32 mask)
{
	return bounded(size - 1, mask) + 1;
}
