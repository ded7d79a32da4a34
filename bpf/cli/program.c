// SPDX-License-Identifier: Apache-2.0
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "diverter.h"

/* The object that clang made, as it is. Global names: local ones become offsets, which arm64's linker loses on their way. */
__asm__(".pushsection .rodata\n"
	".global object_start, object_end\n"
	".balign 8\n"
	"object_start: .incbin \"" OBJECT_FILE "\"\n"
	"object_end:\n"
	".popsection\n");
extern const char object_start[], object_end[];

/* Gives a map a pin to be shared by, as those have that are declared with one. */
static struct bpf_map *pin(struct bpf_object *object, const char *name, const char *path)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	if (!map || bpf_map__set_pin_path(map, path))
		fail("cannot pin the map %s: %s", name, strerror(errno));
	return map;
}

/* Of a map that only replies to the load balancer need. */
static void make_room(struct bpf_map *map, unsigned entries)
{
	if (bpf_map__set_max_entries(map, entries))
		fail("cannot size the map %s: %s", bpf_map__name(map), strerror(errno));
}

struct bpf_object *program_open(const struct settings *settings)
{
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "diverter", .pin_root_path = PINS);
	struct bpf_object *object = bpf_object__open_mem(object_start, object_end - object_start, &options);
	if (libbpf_get_error(object))
		fail("this binary's BPF object cannot be read: %s", strerror(errno));

	if (settings->reply == REPLY_GENEVE) {
		make_room(pin(object, "flows", PINS "/flows"), FLOWS);
		make_room(pin(object, "reply_fragments", PINS "/reply_fragments"), REPLY_FRAGMENTS);
	}
	pin(object, ".bss", PINS "/locals");
	struct bpf_map *map;
	bpf_object__for_each_map(map, object)
		if (strstr(bpf_map__name(map), ".rodata") && bpf_map__set_initial_value(map, settings, sizeof(*settings)))
			fail("this binary's BPF object has other settings than its command: %s", strerror(errno));
	return object;
}

int program_descriptor(const struct bpf_object *object, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object, name));
}
