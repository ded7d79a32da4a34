// SPDX-License-Identifier: Apache-2.0
/* The mode and the owner of the pins and of their directory say who may change what is diverted. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diverter.h"

/* /etc/group is read: a static binary cannot load what else may know of groups. Returns root's id, 0, if it has no such group. */
static gid_t group_id(void)
{
	gid_t id = 0;
	char *line = NULL;
	size_t room = 0;
	FILE *groups = fopen("/etc/group", "re");
	while (groups && getline(&line, &room, groups) >= 0) {
		char *password = line + strlen(GROUP ":"), *number;
		if (strncmp(line, GROUP ":", strlen(GROUP ":")) == 0 && (number = strchr(password, ':')))
			id = strtoul(number + 1, NULL, 10);
	}
	free(line);
	if (groups)
		fclose(groups);
	return id;
}

/* False for a file that is not there. */
static bool is_foreign(int directory, const char *name)
{
	struct stat found;
	if (fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW))
		return false;
	return found.st_uid || S_ISLNK(found.st_mode) || found.st_mode & S_IWOTH ||
	       (found.st_mode & S_IWGRP && found.st_gid && found.st_gid != group_id());
}

/* A BPF file system that was mounted without a mode lets anybody make the directory, and so say what is diverted. */
bool pins_foreign(char path[PIN_PATH])
{
	DIR *directory = opendir(PINS);
	bool foreign = is_foreign(AT_FDCWD, PINS);
	snprintf(path, PIN_PATH, PINS);
	for (struct dirent *entry; !foreign && directory && (entry = readdir(directory));) {
		foreign = entry->d_name[0] != '.' && is_foreign(dirfd(directory), entry->d_name);
		snprintf(path, PIN_PATH, PINS "/%s", entry->d_name);
	}
	if (directory)
		closedir(directory);
	return foreign;
}

static void share(int directory, const char *name, gid_t group, mode_t mode)
{
	if (fchownat(directory, name, 0, group, 0) || fchmodat(directory, name, mode, 0))
		fail(PINS "/%s: cannot give it to the group " GROUP ": %s", name, strerror(errno));
}

/* systemd mounts the file system for root alone: the group may pass through it from now on, and no more. */
static void let_through(gid_t group)
{
	struct stat root;
	if (!group || stat(BPFFS, &root) || root.st_mode & S_IXOTH || (root.st_gid == group && root.st_mode & S_IXGRP))
		return;
	bool is_roots = root.st_gid == 0;
	if ((is_roots && chown(BPFFS, -1, group)) ||
	    chmod(BPFFS, (root.st_mode & ~S_IFMT) | (is_roots || root.st_gid == group ? S_IXGRP : S_IXOTH)))
		fail(BPFFS ": cannot let the group " GROUP " through: %s", strerror(errno));
}

void pins_share(void)
{
	gid_t group = group_id();
	let_through(group);
	DIR *directory = opendir(PINS);
	if (!directory)
		fail(PINS ": %s", strerror(errno));
	share(dirfd(directory), ".", group, group ? 0750 : 0700);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			share(dirfd(directory), entry->d_name, group, group ? 0660 : 0600);
	closedir(directory);
}
