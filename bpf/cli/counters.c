// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "diverter.h"

const char *const reason_names[REASONS_KNOWN] = {
#define X(constant, name, meaning) #name,
	REASONS(X)
#undef X
};
const char *const reason_meanings[REASONS_KNOWN] = {
#define X(constant, name, meaning) meaning,
	REASONS(X)
#undef X
};

__u64 counter(const struct maps *maps, __u32 reason)
{
	int cpus = libbpf_num_possible_cpus();
	__u64 values[cpus], sum = 0;
	if (bpf_map_lookup_elem(maps->counters, &reason, values))
		return 0;
	for (int i = 0; i < cpus; i++)
		sum += values[i];
	return sum;
}
