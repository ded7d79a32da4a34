// SPDX-License-Identifier: Apache-2.0
/* The kernel's routing table `local` says which sources the stack drops as martian: common.h says what for. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "diverter.h"
#include "netlink.h"

struct list {
	struct address_range *ranges;
	unsigned count, room;
};

static void add_range(struct list *list, struct address_range range)
{
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->ranges = reallocarray(list->ranges, list->room, sizeof(*list->ranges));
		if (!list->ranges)
			fail("out of memory");
	}
	list->ranges[list->count++] = range;
}

static void add(struct list *list, __u32 address, unsigned length)
{
	add_range(list, (struct address_range){ address, address | (length < 32 ? ~0u >> length : 0) });
}

static void add_route(const struct nlmsghdr *entry, void *list)
{
	const struct rtmsg *route = NLMSG_DATA(entry);
	__u32 destination = 0;
	unsigned left = RTM_PAYLOAD(entry);
	if (route->rtm_table != RT_TABLE_LOCAL || (route->rtm_type != RTN_LOCAL && route->rtm_type != RTN_BROADCAST))
		return;
	for (const struct rtattr *one = RTM_RTA(route); RTA_OK(one, left); one = RTA_NEXT(one, left))
		if (one->rta_type == RTA_DST)
			memcpy(&destination, RTA_DATA(one), sizeof(destination));
	add(list, ntohl(destination), route->rtm_dst_len);
}

static void read_routes(struct list *list)
{
	struct netlink_message asked = netlink_message(RTM_GETROUTE, 0, sizeof(asked.route));
	asked.route = (struct rtmsg){ .rtm_family = AF_INET, .rtm_table = RT_TABLE_LOCAL };
	netlink_list(&asked, "routing table `local`", add_route, list);
}

static int by_low(const void *left, const void *right)
{
	const struct address_range *a = left, *b = right;
	return (a->low > b->low) - (a->low < b->low);
}

/* The ranges are sorted, unless they are, as the kernel's list is; and those that touch become one. */
static void join(struct list *list)
{
	unsigned last = 0, sorted = 1;
	while (sorted < list->count && by_low(&list->ranges[sorted - 1], &list->ranges[sorted]) <= 0)
		sorted++;
	if (sorted < list->count)
		qsort(list->ranges, list->count, sizeof(*list->ranges), by_low);
	for (unsigned i = 1; i < list->count; i++) {
		const struct address_range next = list->ranges[i];
		struct address_range *range = &list->ranges[last];
		if (next.low <= (__u64)range->high + 1)
			range->high = next.high > range->high ? next.high : range->high;
		else
			list->ranges[++last] = next;
	}
	list->count = last + 1;
}

/* True if the list has this range. Ranges are asked for in order, and `at` goes along with them. */
static bool has(const struct list *list, const struct address_range *range, unsigned *at)
{
	while (*at < list->count && list->ranges[*at].low < range->low)
		++*at;
	return *at < list->count && memcmp(&list->ranges[*at], range, sizeof(*range)) == 0;
}

/* Returns the bits of a word of `near` that a range sets there. */
static __u64 near_bits(const struct address_range *range, __u32 word)
{
	__u64 from = NEAR_WORD(range->low) == word ? NEAR_BIT(range->low) : 1;
	__u64 to = NEAR_WORD(range->high) == word ? NEAR_BIT(range->high) : 1ull << 63;
	return (to - from) | to;
}

static void set_near(struct locals *locals, const struct address_range *range)
{
	for (__u32 word = NEAR_WORD(range->low); word <= NEAR_WORD(range->high); word++)
		__atomic_or_fetch(&locals->near[word], near_bits(range, word), __ATOMIC_RELEASE);
}

/*
 * A range that is gone clears its bits, but for those of `others`, of which the first that is not before it is at `first` or
 * later.
 */
static void clear_near(struct locals *locals, const struct address_range *range, const struct list *others, unsigned *first)
{
	for (__u32 word = NEAR_WORD(range->low); word <= NEAR_WORD(range->high); word++) {
		__u64 bits = 0;
		while (*first < others->count && NEAR_WORD(others->ranges[*first].high) < word)
			++*first;
		for (unsigned i = *first; i < others->count && NEAR_WORD(others->ranges[i].low) <= word; i++)
			bits |= near_bits(&others->ranges[i], word);
		__atomic_store_n(&locals->near[word], bits, __ATOMIC_RELEASE);
	}
}

/* A command that is killed on its way leaves bits too many: none that a range of the list in use needs is ever missing. */
static void publish(struct locals *locals, const struct list *new)
{
	__u32 unused = !locals->list;
	const struct list old = { .ranges = locals->ranges[locals->list], .count = locals->counts[locals->list] };
	memcpy(locals->ranges[unused], new->ranges, new->count * sizeof(*new->ranges));
	locals->counts[unused] = new->count;
	for (unsigned i = 0, at = 0; i < new->count; i++)
		if (!has(&old, &new->ranges[i], &at))
			set_near(locals, &new->ranges[i]);
	__atomic_store_n(&locals->list, unused, __ATOMIC_RELEASE);
	for (unsigned i = 0, at = 0, first = 0; i < old.count; i++)
		if (!has(new, &old.ranges[i], &at))
			clear_near(locals, &old.ranges[i], new, &first);
}

static struct list read_all(void)
{
	struct list list = {};
	add(&list, 0, 8);
	read_routes(&list);
	add(&list, INADDR_UNSPEC_GROUP, 4);
	add(&list, INADDR_BROADCAST, 32);
	return list;
}

static struct list read_known(const struct locals *locals)
{
	struct list list = {};
	const struct address_range *ranges = locals->ranges[locals->list];
	for (unsigned i = 0; i < locals->counts[locals->list]; i++)
		add_range(&list, ranges[i]);
	return list;
}

/*
 * Thirty thousand routes take tens of milliseconds to read, and a router that has as many adds a rule for each: so what was read is
 * good for four times as long as that took. Few routes are read for each rule, whatever else was added beside it.
 */
#define GOOD_FOR 4

static void refresh(const struct prefix *added, bool always)
{
	/* The map is missing if an older version made the maps: to attach this version makes it. */
	struct locals *locals = open_memory("locals", sizeof(*locals));
	if (!locals)
		return;
	__u64 began = now();
	bool is_fresh = !always && locals->read > began;
	struct list list = is_fresh ? read_known(locals) : read_all();
	if (added && added->family == 4 && !route_is_too_wide(added))
		add(&list, ntohl(added->address.words[0]), added->length);
	join(&list);
	if (list.count > LOCAL_RANGES)
		list.count = LOCAL_RANGES;
	publish(locals, &list);
	if (!is_fresh)
		locals->read = now() + GOOD_FOR * (now() - began);
	munmap(locals, sizeof(*locals));
	free(list.ranges);
}

void locals_refresh(void)
{
	refresh(NULL, true);
}

void locals_follow(const struct prefix *added)
{
	refresh(added, false);
}
