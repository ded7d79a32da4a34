// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "diverter.h"

static int open_pin(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), PINS "/%s", name);
	int fd = bpf_obj_get(path);
	if (fd < 0 && errno != ENOENT)
		fail("%s: %s%s", path, strerror(errno), errno == EPERM || errno == EACCES ? ": run it as root" : "");
	return fd;
}

/* The members that are descriptors: where each is, by the name its map is pinned under. The others are memory. */
static const struct {
	const char *name;
	size_t at;
} pins[] = {
	{ "counters", offsetof(struct maps, counters) },
	{ "sets", offsetof(struct maps, sets) },
	{ "sources", offsetof(struct maps, sources) },
	{ "segments", offsetof(struct maps, segments) },
	{ "claims", offsetof(struct maps, claims) },
	{ "state", offsetof(struct maps, state) },
	{ "interfaces", offsetof(struct maps, interfaces) },
};
#define PIN_COUNT (sizeof(pins) / sizeof(*pins))
#define DESTINATIONS_SIZE (NUMBERS * sizeof(struct destination))

static int *member(const struct maps *maps, size_t pin)
{
	return (int *)((char *)maps + pins[pin].at);
}

void *open_memory(const char *name, size_t size)
{
	int fd = open_pin(name);
	if (fd < 0)
		return NULL;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED && errno == ENOMEM)
		fail(PINS "/%s: %s", name, strerror(errno));
	if (memory == MAP_FAILED)
		fail(PINS "/%s is another version's: `rm -r " PINS "`, attach again and restart the router", name);
	close(fd);
	return memory;
}

bool maps_open(struct maps *maps)
{
	bool all = true;
	for (size_t i = 0; i < PIN_COUNT; i++)
		all &= (*member(maps, i) = open_pin(pins[i].name)) >= 0;
	maps->index = open_memory("destination_index", sizeof(*maps->index));
	maps->destinations = open_memory("destinations", DESTINATIONS_SIZE);
	return all && maps->index && maps->destinations;
}

void maps_close(const struct maps *maps)
{
	for (size_t i = 0; i < PIN_COUNT; i++)
		if (*member(maps, i) >= 0)
			close(*member(maps, i));
	if (maps->index)
		munmap(maps->index, sizeof(*maps->index));
	if (maps->destinations)
		munmap(maps->destinations, DESTINATIONS_SIZE);
}

static void make_missing_maps(void)
{
	struct settings none = {};
	struct bpf_object *object = program_open(&none);
	struct bpf_program *program;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, false);
	if (bpf_object__load(object))
		fail("cannot make the maps below " PINS ": %s", strerror(errno));
	bpf_object__close(object);
}

/* Until the command ends, however it ends. The one before may have removed the directory while this one waited for it. */
static void lock_directory(void)
{
	for (struct stat locked = {}; !locked.st_nlink;) {
		if (mkdir(PINS, 0700) && errno != EEXIST)
			fail(PINS ": %s", strerror(errno));
		int directory = open(PINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (directory < 0 && errno == ENOENT)
			continue;
		if (directory < 0 || flock(directory, LOCK_EX) || fstat(directory, &locked))
			fail(PINS ": cannot lock it: %s", strerror(errno));
	}
}

void maps_lock(struct maps *maps)
{
	if (geteuid() != 0)
		fail("changing what is diverted needs root");
	struct statfs filesystem;
	if (statfs(BPFFS, &filesystem) || (unsigned)filesystem.f_type != BPF_FS_MAGIC)
		fail(BPFFS " is not a BPF file system: run `mount -t bpf bpf " BPFFS "`");
	lock_directory();
	if (maps_open(maps))
		return;
	make_missing_maps();
	if (!maps_open(maps))
		fail(PINS ": the maps are not all there: %s", strerror(errno));
}

void maps_remove(void)
{
	DIR *directory = opendir(PINS);
	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(PINS);
}

void no_room(unsigned entries, const char *map)
{
	fail("there is no room for more than %u %s: give the router fewer services, prefixes or port ranges", entries, map);
}

void write_entry(int map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map, key, value, BPF_ANY) == 0)
		return;
	int error = errno;
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	bpf_obj_get_info_by_fd(map, &info, &size);
	if (error == E2BIG || error == ENOSPC)
		no_room(info.max_entries, info.name);
	fail("cannot write to the map %s: %s", info.name, strerror(error));
}

__u32 read_state(const struct maps *maps, __u32 key)
{
	__u32 value = 0;
	bpf_map_lookup_elem(maps->state, &key, &value);
	return value;
}

void write_state(const struct maps *maps, __u32 key, __u32 value)
{
	write_entry(maps->state, &key, &value);
}
