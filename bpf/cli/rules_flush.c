// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>

#include "diverter.h"

static void delete_all(int map)
{
	union {
		struct source_key source;
		__u32 node;
	} key, next;
	bool more = bpf_map_get_next_key(map, NULL, &key) == 0;
	while (more) {
		more = bpf_map_get_next_key(map, &key, &next) == 0;
		bpf_map_delete_elem(map, &key);
		key = next;
	}
}

void rules_flush(void)
{
	struct maps maps;
	maps_lock(&maps);
	destination_delete_all(&maps);
	delete_all(maps.sources);
	delete_all(maps.sets);
	delete_all(maps.segments);
	delete_all(maps.claims);
	/* A packet on its way through what was there is through long before the next command gives these keys again. */
	write_state(&maps, STATE_NEXT_KEY, 0);
	write_state(&maps, STATE_STALE_FIRST, 0);
	write_state(&maps, STATE_STALE_COUNT, 0);
	calls_flushed(maps.calls);
	route_flush();
	locals_refresh();
}
