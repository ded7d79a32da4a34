// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "configure.h"
#include "diverter.h"

static void refuse_anchors(const struct node *node)
{
	refuse_shared(node);
	for (size_t i = 0; i < node->count; i++)
		refuse_anchors(node->children[i]);
}

/* The text comes one splice closer to the option. False if there is none to make. */
static bool set(struct text *text, const struct option *option)
{
	struct place place = locate(read_text(text));
	const struct node *options = place.options;
	size_t count = options && options->kind == MAPPING ? options->count : 0, at = 0;
	if (option->value[0])
		while ((at = count ? node_find(options, option->key, at) : 0) < count && is_set(options->children[at + 1], option))
			at += 2;
	else
		at = count ? node_find(options, option->key, 0) : 0;
	if (at < count) {
		refuse_anchors(options->children[at]);
		refuse_anchors(options->children[at + 1]);
		*text = option->value[0] ? replace_value(text, &place, at, option) : remove_pair(text, &place, at);
		return true;
	}
	if (!option->value[0] || (count && node_find(options, option->key, 0) < count))
		return false;
	*text = add_option(text, &place, option);
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->count != b->count || !same_text(a->value, b->value) || !same_text(a->tag, b->tag) ||
	    !same_text(a->anchor, b->anchor) || (a->kind == SCALAR && a->plain != b->plain))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same(a->children[i], b->children[i]))
			return false;
	return true;
}

static void take_out(struct node *mapping, size_t at)
{
	mapping->count -= 2;
	memmove(&mapping->children[at], &mapping->children[at + 2], (mapping->count - at) * sizeof(*mapping->children));
}

/* The options that were to be set are taken out. What is left must be what there was. */
static void strip(struct place *place)
{
	if (!place->options)
		return;
	place->options->kind = MAPPING;
	place->options->value = NULL;
	for (size_t i = 0; i < wanted.count; i++)
		for (size_t at; (at = node_find(place->options, wanted.options[i].key, 0)) < place->options->count;)
			take_out(place->options, at);
	if (!place->options->count && !place->options->tag)
		take_out(place->listener, node_find(place->listener, "options", 0));
}

static bool are_set(const struct node *options)
{
	if (!options || options->kind != MAPPING)
		return false;
	for (size_t i = 0; i < wanted.count; i++) {
		const struct option *option = &wanted.options[i];
		size_t at = node_find(options, option->key, 0);
		if ((at < options->count) != (option->value[0] != 0))
			return false;
		for (; at < options->count; at = node_find(options, option->key, at + 2))
			if (!is_set(options->children[at + 1], option))
				return false;
	}
	return true;
}

void configure(const char *file, char **assignments, int count)
{
	wanted.file = file;
	wanted.count = count;
	wanted.options = allocate(count * sizeof(*wanted.options));
	for (int i = 0; i < count; i++) {
		char *value = strchr(assignments[i], '=');
		if (!value || value == assignments[i] || strcspn(assignments[i], "\n\r\t") != strlen(assignments[i]))
			fail("configure %s %s: not of the form KEY=VALUE, in one line", file, assignments[i]);
		*value = 0;
		wanted.options[i] = (struct option){ assignments[i], value + 1 };
	}
	struct text before = read_file(file), after = before;
	/* The last option is set first, as each is added before the others: so they stand as they were given. */
	for (int i = count; i-- > 0;)
		while (set(&after, &wanted.options[i]))
			;
	struct place old = locate(read_text(&before)), new = locate(read_text(&after));
	bool right = are_set(new.options);
	strip(&old);
	strip(&new);
	if (!right || !same(old.root, new.root))
		refuse(FORM);
	if (fwrite(after.bytes, 1, after.length, stdout) != after.length || fflush(stdout))
		fail("%s: what it is to be could not be written: %s", file, strerror(errno));
}
