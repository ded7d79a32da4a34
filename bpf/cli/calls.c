// SPDX-License-Identifier: Apache-2.0
/* ziti-router's calls are kept track of here: OpenZiti says at debug only which of them failed, and nothing of why. */
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "diverter.h"

struct calls *calls_open(void)
{
	char path[PIN_PATH];
	int fd = pins_foreign(path) ? -1 : bpf_obj_get(PINS "/calls");
	if (fd < 0)
		return NULL;
	struct calls *calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return calls == MAP_FAILED ? NULL : calls;
}

__u64 now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000ull + time.tv_nsec / 1000000;
}

void calls_added(struct calls *calls)
{
	if (calls)
		__atomic_store_n(&calls->added, now(), __ATOMIC_RELEASE);
}

/* The lock is not taken, as the call may hold it, or not have it yet: of two at once both count, and either's words stay. */
void calls_refused(const char *sentence)
{
	struct calls *calls = calls_open();
	if (!calls)
		return;
	snprintf(calls->refusal, sizeof(calls->refusal), "%s", sentence);
	__atomic_add_fetch(&calls->refused, 1, __ATOMIC_RELEASE);
	munmap(calls, sizeof(*calls));
}

void calls_flushed(struct calls *calls)
{
	if (!calls)
		return;
	__atomic_add_fetch(&calls->flushes, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&calls->refused, 0, __ATOMIC_RELEASE);
	calls->refusal[0] = 0;
}

static struct calls copy(void)
{
	struct calls *calls = calls_open(), copied = calls ? *calls : (struct calls){};
	if (calls)
		munmap(calls, sizeof(*calls));
	return copied;
}

__u64 calls_age(void)
{
	return now() - copy().added;
}

__u32 calls_flushes(void)
{
	return copy().flushes;
}
