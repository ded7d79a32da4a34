// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "diverter.h"

const char *const verdict_names[VERDICTS_KNOWN] = {
#define X(constant, name, meaning) #name,
	VERDICTS(X)
#undef X
};
const char *const verdict_meanings[VERDICTS_KNOWN] = {
#define X(constant, name, meaning) meaning,
	VERDICTS(X)
#undef X
};

__u64 counter(const struct maps *maps, __u32 verdict)
{
	int cpus = libbpf_num_possible_cpus();
	__u64 values[cpus], sum = 0;
	if (bpf_map_lookup_elem(maps->counters, &verdict, values))
		return 0;
	for (int i = 0; i < cpus; i++)
		sum += values[i];
	return sum;
}
