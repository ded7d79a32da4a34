// SPDX-License-Identifier: Apache-2.0
/* Interfaces that are attached, and stray ones, as `status` shows them. */
#include <bpf/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "diverter.h"

static void print_prefixes(const struct prefix4 *prefixes, __u32 count, const char *before, const char *between, const char *after)
{
	struct items list = { between, false };
	char text[PREFIX_TEXT];
	for (__u32 i = 0; i < count; i++) {
		struct prefix prefix = { .family = 4, .length = __builtin_popcount(prefixes[i].mask) };
		memcpy(prefix.address.bytes, &prefixes[i].address, sizeof(prefixes[i].address));
		items_next(&list);
		printf("%s%s%s", before, prefix_text(&prefix, text), after);
	}
}

static const char *reply_name(const struct settings *settings)
{
	return settings->reply == REPLY_DIRECT ? "direct" : "geneve";
}

static const char *const hook_names[] = { [HOOK_TCX] = "tcx", [HOOK_CLSACT] = "clsact" };

static void print_front_json(const struct front *front, void *context)
{
	items_next(context);
	printf("{\"side\":\"%s\",\"kind\":\"%s\"", front->side, front->program ? "tcx" : "filter");
	if (front->program) {
		printf(",\"id\":%u,\"name\":", front->program);
		print_json_string(front->name);
	}
	putchar('}');
}

static void print_front_text(const struct front *front, void *context)
{
	const char *name = context;
	if (front->program)
		printf("\nin front  %s: the program %s (id %u) of tcx %s sees packets before ours: attach again, which puts ours first",
		       name, front->name, front->program, front->side);
	else
		printf("\nin front  %s: a filter of priority %d sees packets before ours: `tc filter show dev %s %s`; give it a later one",
		       name, FILTER_PRIORITY, name, front->side);
}

static void print_merging_json(const char *name)
{
	struct items list = { ",", false };
	for (int i = 0; i < MERGING_OFFLOADS; i++) {
		if (!offload_is_on(name, merging_offloads[i]))
			continue;
		items_next(&list);
		print_json_string(merging_offloads[i]);
	}
}

static void print_merging_text(const char *name)
{
	for (int i = 0; i < MERGING_OFFLOADS; i++)
		if (offload_is_on(name, merging_offloads[i]))
			printf("\nmerging   %s: %s is on, which merges GENEVE's datagrams, and loses them: attach again, which turns it off",
			       name, merging_offloads[i]);
}

/* The program knows from attaching whether the kernel can cut answers. True if that is no longer so. */
static bool offload_has_changed(const struct settings *settings, const char *name)
{
	return settings->reply != REPLY_DIRECT && (settings->reply == REPLY_GENEVE) != offload_cuts_datagrams(name);
}

static void print_offload_text(const struct settings *settings, const char *name)
{
	if (!offload_has_changed(settings, name))
		return;
	printf("\noffload   %s: tx checksum offload is %s now: answers that the kernel is to cut (UDP_SEGMENT) are %s: attach again, which has "
	       "them %s",
	       name, settings->reply == REPLY_GENEVE ? "off" : "on", settings->reply == REPLY_GENEVE ? "lost" : "refused",
	       settings->reply == REPLY_GENEVE ? "refused and counted" : "sent");
}

void print_attached_json(const struct attached_interface *interface)
{
	const struct settings *settings = &interface->attachment->settings;
	printf("{\"interface\":");
	print_json_string(interface->name);
	printf(",\"from\":[");
	print_prefixes(settings->from, settings->from_count, "\"", ",", "\"");
	printf("],\"plain\":[");
	print_prefixes(settings->plain, settings->plain_count, "\"", ",", "\"");
	printf("],\"reply\":\"%s\",\"hook\":\"%s\",\"inFront\":[", reply_name(settings), hook_names[interface->hook]);
	hook_each_front(interface->ifindex, interface->attachment, print_front_json, &(struct items){ ",", false });
	printf("],\"merging\":[");
	print_merging_json(interface->name);
	printf("],\"offloadChanged\":%s}", offload_has_changed(settings, interface->name) ? "true" : "false");
}

/* The interface is printed with the options that `attach` was given. */
void print_attached_text(const struct attached_interface *interface)
{
	const struct settings *settings = &interface->attachment->settings;
	printf("attached  %s", interface->name);
	print_prefixes(settings->from, settings->from_count, " --from ", "", "");
	print_prefixes(settings->plain, settings->plain_count, " --plain ", "", "");
	printf(" --reply %s\nhook      %s: %s", reply_name(settings), interface->name, hook_names[interface->hook]);
	hook_each_front(interface->ifindex, interface->attachment, print_front_text, (void *)interface->name);
	print_merging_text(interface->name);
	print_offload_text(settings, interface->name);
}

bool print_attached(const struct maps *maps, void (*print)(const struct attached_interface *interface), const char *between)
{
	struct items list = { between, false };
	struct attachment attachment;
	char name[IF_NAMESIZE];
	for (__u32 ifindex, *at = NULL; bpf_map_get_next_key(maps->interfaces, at, &ifindex) == 0; at = &ifindex) {
		if (bpf_map_lookup_elem(maps->interfaces, &ifindex, &attachment) || !if_indextoname(ifindex, name))
			continue;
		struct attached_interface interface = { ifindex, name, &attachment, attached(ifindex, &attachment) };
		if (!interface.hook)
			continue;
		items_next(&list);
		print(&interface);
	}
	return list.started;
}

void each_stray(const struct maps *maps, void (*each)(const char *name, void *context), void *context)
{
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *one = all; one && one->if_index; one++) {
		struct attachment attachment = {};
		bpf_map_lookup_elem(maps->interfaces, &one->if_index, &attachment);
		bool as_noted = attachment.ingress ? attached(one->if_index, &attachment) : hook_egress(one->if_index, &attachment);
		if (hook_any(one->if_index) && !as_noted)
			each(one->if_name, context);
	}
	if_freenameindex(all);
}

void print_stray_json(const char *name, void *context)
{
	items_next(context);
	print_json_string(name);
}

void print_stray_text(const char *name, void *context)
{
	(void)context;
	printf("stray     %s: diverts, but not as noted here: attach it again, or `diverter detach %s`\n", name, name);
}
