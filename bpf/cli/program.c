// SPDX-License-Identifier: Apache-2.0
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "diverter.h"

/*
 * The object is what clang made, as it is. Its names are global: local ones become offsets, which arm64's linker loses on their
 * way.
 */
__asm__(".pushsection .rodata\n"
	".global object_start, object_end\n"
	".balign 8\n"
	"object_start: .incbin \"" OBJECT_FILE "\"\n"
	"object_end:\n"
	".popsection\n");
extern const char object_start[], object_end[];

/* Constants of the program are read-only once it is loaded. */
static void fill(struct bpf_map *map, const void *value, size_t size)
{
	if (bpf_map__set_initial_value(map, value, size))
		fail("this binary's BPF object has other constants than its command: %s", strerror(errno));
}

/* A map that only --reply geneve needs gets its size, and a pin to be shared by. */
static void make_room(struct bpf_object *object, const char *name, unsigned entries)
{
	char path[64];
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	snprintf(path, sizeof(path), PINS "/%s", name);
	if (!map || bpf_map__set_max_entries(map, entries) || bpf_map__set_pin_path(map, path))
		fail("cannot size the map %s: %s", name, strerror(errno));
}

struct bpf_object *program_open(const struct settings *settings, const struct reply_device *reply_device)
{
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "diverter", .pin_root_path = PINS);
	struct bpf_object *object = bpf_object__open_mem(object_start, object_end - object_start, &options);
	if (libbpf_get_error(object))
		fail("this binary's BPF object cannot be read: %s", strerror(errno));

	if (settings->reply != REPLY_DIRECT) {
		make_room(object, "flows", FLOWS);
		make_room(object, "reply_fragments", REPLY_FRAGMENTS);
		make_room(object, "translations", TRANSLATIONS);
	}
	struct bpf_map *map;
	bpf_object__for_each_map(map, object) {
		if (strstr(bpf_map__name(map), ".rodata.reply"))
			fill(map, reply_device, sizeof(*reply_device));
		else if (strstr(bpf_map__name(map), ".rodata"))
			fill(map, settings, sizeof(*settings));
		if (strstr(bpf_map__name(map), ".bss") &&
		    (bpf_map__value_size(map) != sizeof(struct locals) || bpf_map__set_pin_path(map, PINS "/locals")))
			fail("this binary's BPF object has other variables than its command");
	}
	return object;
}

int program_descriptor(const struct bpf_object *object, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object, name));
}
