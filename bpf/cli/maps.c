// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "diverter.h"

/* A pin or their directory cannot be opened: its mode, or the kernel's own rule, forbids it. */
static void fail_to_open(const char *path)
{
	if (errno == EACCES)
		fail("%s: %s: run it as root, or as a user of the group " GROUP " (ziti-router by `SupplementaryGroups=" GROUP
		     "` in its unit); if nothing is attached, or the group is newer, attach first: `systemctl reload-or-restart "
		     "ziti-glb-diverter`",
		     path, strerror(errno));
	if (errno == EPERM)
		fail("%s: %s: run it as root, or give it CAP_BPF, which kernels before 5.19 ask for (ziti-router by "
		     "`AmbientCapabilities=` in its unit)",
		     path, strerror(errno));
	fail("%s: %s", path, strerror(errno));
}

static void check_owners(void)
{
	char path[PIN_PATH];
	if (pins_foreign(path))
		fail("%s is not root's, or others may write it: `rm -r " PINS "`, attach again and restart the router", path);
}

static int open_pin(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), PINS "/%s", name);
	int fd = bpf_obj_get(path);
	if (fd < 0 && errno != ENOENT)
		fail_to_open(path);
	return fd;
}

/* Descriptors are these members of struct maps, by the names of their pins. The others are memory. */
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
	check_owners();
	for (size_t i = 0; i < PIN_COUNT; i++)
		all &= (*member(maps, i) = open_pin(pins[i].name)) >= 0;
	maps->index = open_memory("destination_index", sizeof(*maps->index));
	maps->destinations = open_memory("destinations", DESTINATIONS_SIZE);
	maps->calls = calls_open();
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
	if (maps->calls)
		munmap(maps->calls, sizeof(*maps->calls));
}

static bool is_root(void)
{
	return capable(CAP_SYS_ADMIN);
}

void need_root(const char *what)
{
	if (!is_root())
		fail("%s needs root", what);
}

static void check_privileges(void)
{
	struct statfs filesystem;
	if (statfs(BPFFS, &filesystem) || (unsigned)filesystem.f_type != BPF_FS_MAGIC)
		fail(BPFFS " is not a BPF file system: run `mount -t bpf -o mode=700 bpf " BPFFS "`");
	if (!capable(CAP_NET_ADMIN))
		fail("changing what is diverted needs CAP_NET_ADMIN: run it as root, or give it that (ziti-router by "
		     "`AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE` and `SupplementaryGroups=" GROUP "` in its unit)");
}

static void make_missing_maps(void)
{
	struct settings none = {};
	struct bpf_object *object = program_open(&none, &(struct reply_device){});
	struct bpf_program *program;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, false);
	if (bpf_object__load(object))
		fail("cannot make the maps below " PINS ": %s", strerror(errno));
	bpf_object__close(object);
}

static void fail_unmade(void) __attribute__((noreturn));
static void fail_unmade(void)
{
	fail("nothing is attached, and there is nowhere to keep rules: attach first: `systemctl start ziti-glb-diverter`");
}

static void make_directory(void)
{
	if (mkdir(PINS, 0700) && errno != EEXIST)
		fail(PINS ": %s", strerror(errno));
}

/*
 * The lock is held until the command ends, however it ends. The one before may have removed the directory while this one waited
 * for it.
 */
static void lock_directory(void)
{
	for (struct stat locked = {}; !locked.st_nlink;) {
		if (is_root())
			make_directory();
		check_owners(); /* whoever made it may hold its lock for good */
		int directory = open(PINS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (directory < 0 && errno == ENOENT && is_root())
			continue;
		if (directory < 0 && errno == ENOENT)
			fail_unmade();
		if (directory < 0)
			fail_to_open(PINS);
		if (flock(directory, LOCK_EX) || fstat(directory, &locked))
			fail(PINS ": cannot lock it: %s", strerror(errno));
	}
}

void maps_lock(struct maps *maps)
{
	check_privileges();
	lock_directory();
	if (maps_open(maps))
		return;
	if (!is_root())
		fail_unmade();
	make_missing_maps();
	pins_share();
	if (!maps_open(maps))
		fail(PINS ": the maps are not all there: %s", strerror(errno));
}

void maps_check(void)
{
	struct maps maps;
	check_privileges();
	if (!maps_open(&maps) && !is_root())
		fail_unmade();
	maps_close(&maps);
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
