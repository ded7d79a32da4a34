// SPDX-License-Identifier: Apache-2.0
#include "configure.h"

static void refuse_twice(const struct node *mapping, const char *key)
{
	if (node_find(mapping, key, node_find(mapping, key, 0) + 2) < mapping->count)
		refuse("%s stands in it twice, side by side", key);
}

/* An alias or a merge key brings in what stands elsewhere too: it cannot be changed in one place. */
void refuse_shared(const struct node *node)
{
	if (node->kind == ALIAS || node->anchor || (node->kind == MAPPING && node_get(node, "<<")))
		refuse("what is to be changed in it is, or holds, an anchor, an alias or a merge key");
}

struct place locate(struct node *root)
{
	struct place place = { .root = root };
	struct node *listeners = node_get_sequence(root, "listeners");
	for (size_t i = 0; listeners && i < listeners->count; i++) {
		struct node *listener = listeners->children[i], *binding = node_get(listener, "binding");
		if (listener->kind == ALIAS || (listener->kind == MAPPING && node_get(listener, "<<")) || (binding && binding->kind == ALIAS))
			refuse("its listeners have aliases or merge keys");
		if (!binding || !node_is(binding, "tunnel"))
			continue;
		if (place.listener)
			refuse("it has several tunnel listeners");
		place.listener = listener;
	}
	if (!place.listener)
		refuse("it has no tunnel listener: the router must be enrolled with tunneling");
	refuse_twice(root, "listeners");
	refuse_twice(place.listener, "binding");
	refuse_twice(place.listener, "options");
	refuse_shared(root);
	refuse_shared(listeners);
	refuse_shared(place.listener);
	size_t at = node_find(place.listener, "options", 0);
	if (at == place.listener->count)
		return place;
	place.key = place.listener->children[at];
	place.options = place.listener->children[at + 1];
	refuse_shared(place.options);
	if (place.options->kind != MAPPING && !node_is_null(place.options))
		refuse("the options of its tunnel listener are no mapping");
	return place;
}
