// SPDX-License-Identifier: Apache-2.0
/*
 * table SEED CHANGES: changes the table of destinations at random, as the command does, beside a plain list of what should be
 * in it, and compares both; then fills it, changes it while it is full, and adds one too many. Prints the longest search that
 * each came to need. Before, it has itself killed while it changes the table, and looks what is left.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../bpf/cli/diverter.h"

#define KEYS 40000 /* more than there is room for */
static struct destination_key keys[KEYS];
static __u32 value[KEYS]; /* 0 if the table should not have the key */
static unsigned live;

/* The table calls these of maps.c. */
static __u32 *last_destination;
__u32 read_state(const struct maps *maps, __u32 key)
{
	(void)maps, (void)key;
	return *last_destination;
}
void write_state(const struct maps *maps, __u32 key, __u32 number)
{
	(void)maps, (void)key;
	*last_destination = number;
}

static void broken(const char *what, unsigned key)
{
	printf("%s: key %u, %u in the table\n", what, key, live);
	exit(1);
}

/* A failure ends the command: only the one too many is to meet it. */
static bool one_too_many;
void no_room(unsigned entries, const char *map)
{
	(void)map;
	if (!one_too_many || live != entries)
		broken("refused although there is room", 0);
	printf("no room for more than %u\n", entries);
	exit(0);
}

/* Keys are of IPv4 and IPv6 and of any length, in dense ranges and anywhere. */
static struct destination_key random_key(void)
{
	struct destination_key key = {};
	unsigned family = rand() % 4 ? 4 : 6, length = rand() % 2 ? ADDRESS_BITS(family) : rand() % (ADDRESS_BITS(family) + 1);
	key.address.bytes[0] = 100;
	for (unsigned i = rand() % 2 ? 1 : 2; i < ADDRESS_BITS(family) / 8; i++)
		key.address.bytes[i] = rand();
	key.kind = DESTINATION_KIND(family, rand() % 2 ? IPPROTO_TCP : IPPROTO_UDP, length);
	return key;
}

static int by_bytes(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct destination_key));
}

static void make_keys(void)
{
	for (unsigned i = 0; i < KEYS; i++)
		keys[i] = random_key();
	qsort(keys, KEYS, sizeof(*keys), by_bytes);
	for (unsigned i = 1; i < KEYS; i++)
		if (by_bytes(&keys[i - 1], &keys[i]) == 0)
			keys[i - 1].address.halves[1] = ~(__u64)i; /* no doubles */
	for (unsigned i = KEYS - 1; i; i--) {
		unsigned other = rand() % (i + 1);
		struct destination_key key = keys[i];
		keys[i] = keys[other];
		keys[other] = key;
	}
}

static void check(const struct maps *maps, unsigned i)
{
	const struct rule_group *group = destination_find(maps, &keys[i]);
	if (!group != !value[i])
		broken(group ? "found what is not there" : "lost", i);
	if (group && group->newest != value[i])
		broken("has a value of before", i);
}

static void change(const struct maps *maps, unsigned i, __u32 to)
{
	if (to) {
		destination_check_room(maps, &keys[i]);
		destination_write(maps, &keys[i], &(struct rule_group){ .newest = to });
	} else {
		destination_delete(maps, &keys[i]);
	}
	live += !!to - !!value[i];
	value[i] = to;
	check(maps, i);
}

static unsigned longest_search(const struct maps *maps)
{
	unsigned longest = 0;
	for (unsigned at = 0; at < SLOTS; at++) {
		__u32 number = SLOT_NUMBER(maps->index->slots[at]);
		if (number) {
			unsigned length = (at - FIRST_SLOT(destination_hash(&maps->destinations[number].key))) % SLOTS + 1;
			longest = length > longest ? length : longest;
		}
	}
	return longest;
}

static void check_lengths(const struct maps *maps)
{
	unsigned counts[TRANSPORTS][LENGTHS_MAX] = {};
	for (unsigned i = 0; i < KEYS; i++) {
		unsigned family = KIND_FAMILY(keys[i].kind);
		if (value[i])
			counts[TRANSPORT(family, KIND_PROTOCOL(keys[i].kind))][ADDRESS_BITS(family) - KIND_LENGTH(keys[i].kind)]++;
	}
	for (unsigned t = 0; t < TRANSPORTS; t++)
		for (unsigned bit = 0; bit < LENGTHS_MAX; bit++)
			if (!(maps->index->lengths[t].words[bit / 64] >> bit % 64 & 1) != !counts[t][bit])
				broken("a length is wrong", bit);
}

/* The table changes until the process is killed. A value says of which key it is. */
static void change_forever(const struct maps *maps)
{
	for (unsigned n = 1;; n++) {
		unsigned i = rand() % 8000;
		if (n % 4096 == 0)
			destination_delete_all(maps);
		else if (rand() % 3)
			destination_write(maps, &keys[i], &(struct rule_group){ .newest = n % 32768 << 16 | i });
		else
			destination_delete(maps, &keys[i]);
	}
}

/* A destination that is found is right, and nothing of it is counted too low or there twice. */
static void check_after_kill(const struct maps *maps)
{
	unsigned counts[TRANSPORTS][LENGTHS_MAX] = {}, found = 0, places = 0;
	for (unsigned i = 0; i < KEYS; i++) {
		const struct rule_group *group = destination_find(maps, &keys[i]);
		unsigned family = KIND_FAMILY(keys[i].kind), t = TRANSPORT(family, KIND_PROTOCOL(keys[i].kind));
		unsigned bit = ADDRESS_BITS(family) - KIND_LENGTH(keys[i].kind);
		if (!group)
			continue;
		found++;
		if ((group->newest & 0xffff) != i)
			broken("has another's value", i);
		if (++counts[t][bit] > maps->index->counts[t][bit] || !(maps->index->lengths[t].words[bit / 64] >> bit % 64 & 1))
			broken("is not counted", i);
	}
	for (unsigned at = 0; at < SLOTS; at++)
		places += SLOT_NUMBER(maps->index->slots[at]) != 0;
	if (places != found)
		broken("is there and not found, or twice", 0);
}

static void be_killed(const struct maps *maps, unsigned times)
{
	for (unsigned n = 0; n < times; n++) {
		srand(n);
		pid_t child = fork();
		if (child == 0)
			change_forever(maps);
		usleep(rand() % 1000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		check_after_kill(maps);
	}
	destination_delete_all(maps);
}

static void check_all(const struct maps *maps, const char *after)
{
	for (unsigned i = 0; i < KEYS; i++)
		check(maps, i);
	check_lengths(maps);
	printf("%s: longest search %u of %u\n", after, longest_search(maps), live);
}

/* Changes come in waves: most fill the table, then most empty it. */
static void churn(const struct maps *maps, unsigned changes)
{
	for (unsigned n = 1; n <= changes; n++) {
		bool filling = n / 100000 % 2 == 0;
		change(maps, rand() % MAX_DESTINATIONS, rand() % 8 < (filling ? 1 : 7) ? 0 : n);
		check(maps, rand() % KEYS);
	}
	check_all(maps, "changed at random");
}

static void fill(const struct maps *maps)
{
	for (unsigned i = 0; i < MAX_DESTINATIONS; i++)
		change(maps, i, i + 1);
	for (unsigned n = 0; n < 2000; n++) {
		unsigned i = rand() % MAX_DESTINATIONS;
		if (rand() % 2)
			change(maps, i, 0);
		change(maps, i, KEYS + n);
	}
	check_all(maps, "full");
	one_too_many = true;
	change(maps, MAX_DESTINATIONS, 1);
	broken("took one too many", MAX_DESTINATIONS);
}

static void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		exit(2);
	return memory;
}

int main(int argc, char **argv)
{
	struct maps maps = { .index = shared(sizeof(*maps.index)), .destinations = shared(NUMBERS * sizeof(*maps.destinations)) };
	last_destination = shared(sizeof(*last_destination));
	if (argc != 3)
		return 2;
	srand(atoi(argv[1]));
	make_keys();
	be_killed(&maps, 300);
	srand(atoi(argv[1]));
	churn(&maps, atoi(argv[2]));
	fill(&maps);
}
