// SPDX-License-Identifier: Apache-2.0
/*
 * ziti-router's configuration is a person's text. Options of its tunnel listener are set by splices where libyaml says that they
 * stand, so that comments and all else stay, byte for byte. The result is read again, and only printed if nothing but these
 * options is another. libyaml is what ziti-router's own reader is a port of. Nothing is freed: the command is short.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "diverter.h"

struct text {
	char *bytes;
	size_t length;
};

struct node {
	enum { SCALAR, SEQUENCE, MAPPING, ALIAS } kind;
	bool plain; /* a scalar without quotes, another without brackets */
	const char *value; /* a scalar's; of an alias, the anchor */
	const char *tag, *anchor;
	size_t start, end; /* in the text; blanks behind it do not belong to it */
	size_t count;
	struct node **children; /* of a mapping, keys and values by turns */
};

struct option {
	const char *key, *value; /* an empty value takes it away */
};

static struct {
	const char *file;
	struct option *options;
	size_t count;
	bool changed; /* the text is no longer the file's */
} wanted;
#define FORM "the options of its tunnel listener stand in a form that is not changed here"

/* The place of the tunnel listener's options in the document. Without `key` they are not there yet. */
struct place {
	struct node *root, *listener, *key, *options;
};

static void *allocate(size_t size)
{
	void *memory = calloc(1, size + 1);
	if (!memory)
		fail("%s: %s", wanted.file, strerror(errno));
	return memory;
}

static const char *copy(const void *text)
{
	return text ? strcpy(allocate(strlen(text)), text) : NULL;
}

/* The command fails with what is in the way, and what a person is to write in its place. */
static void refuse(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void refuse(const char *format, ...)
{
	char *why, *lines;
	size_t size;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&why, format, arguments) < 0)
		fail("%s: %s", wanted.file, strerror(errno));
	va_end(arguments);
	FILE *by_hand = open_memstream(&lines, &size);
	for (size_t i = 0; i < wanted.count; i++) {
		const struct option *option = &wanted.options[i];
		fprintf(by_hand, option->value[0] ? "\n      %s: %s" : "\n      # no %s", option->key, option->value);
	}
	fclose(by_hand);
	fail("%s: %s. Have it say, by hand:\nlisteners:\n  - binding: tunnel\n    options:%s", wanted.file, why, lines);
}

/* ---- Reading */

static struct text read_file(const char *file)
{
	struct text text = {};
	FILE *stream = fopen(file, "r");
	if (!stream)
		fail("%s: %s", file, strerror(errno));
	FILE *memory = open_memstream(&text.bytes, &text.length);
	char part[4096];
	for (size_t got; (got = fread(part, 1, sizeof(part), stream));)
		fwrite(part, 1, got, memory);
	if (ferror(stream) || fclose(memory))
		fail("%s: %s", file, strerror(errno));
	fclose(stream);
	return text;
}

struct reader {
	yaml_parser_t parser;
	const struct text *text;
	size_t *bytes; /* offset of each character: libyaml counts characters */
};

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static size_t *characters(const struct text *text)
{
	size_t *bytes = allocate((text->length + 1) * sizeof(*bytes)), count = 0;
	size_t first = text->length >= 3 && memcmp(text->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	for (size_t i = first; i < text->length; i++)
		if ((text->bytes[i] & 0xc0) != 0x80)
			bytes[count++] = i;
	bytes[count] = text->length;
	return bytes;
}

static yaml_event_t next_event(struct reader *reader)
{
	yaml_event_t event;
	bool read = yaml_parser_parse(&reader->parser, &event);
	if (!read && wanted.changed)
		refuse(FORM);
	if (!read)
		refuse("it is no YAML in line %zu: %s", reader->parser.problem_mark.line + 1, reader->parser.problem);
	return event;
}

static struct node *read_node(struct reader *reader, const yaml_event_t *event);

static void read_children(struct reader *reader, struct node *node, yaml_event_type_t end)
{
	for (;;) {
		yaml_event_t event = next_event(reader);
		if (event.type == end) {
			/* The parser sees the end of one without brackets where the next thing begins. */
			node->end = !node->plain ? reader->bytes[event.end_mark.index] :
				node->count	 ? node->children[node->count - 1]->end :
						   node->start;
			return;
		}
		node->children = realloc(node->children, (node->count + 1) * sizeof(*node->children));
		if (!node->children)
			fail("%s: %s", wanted.file, strerror(errno));
		node->children[node->count++] = read_node(reader, &event);
	}
}

static struct node *read_node(struct reader *reader, const yaml_event_t *event)
{
	struct node *node = allocate(sizeof(*node));
	node->start = reader->bytes[event->start_mark.index];
	node->end = reader->bytes[event->end_mark.index];
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		node->value = copy(event->data.scalar.value);
		node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		node->tag = copy(event->data.scalar.tag);
		node->anchor = copy(event->data.scalar.anchor);
		/* A scalar in lines of its own goes on to the next thing. */
		while (node->end > node->start && is_blank(reader->text->bytes[node->end - 1]))
			node->end--;
		return node;
	case YAML_SEQUENCE_START_EVENT:
		node->kind = SEQUENCE;
		node->plain = event->data.sequence_start.style == YAML_BLOCK_SEQUENCE_STYLE;
		node->tag = copy(event->data.sequence_start.tag);
		node->anchor = copy(event->data.sequence_start.anchor);
		read_children(reader, node, YAML_SEQUENCE_END_EVENT);
		return node;
	case YAML_MAPPING_START_EVENT:
		node->kind = MAPPING;
		node->plain = event->data.mapping_start.style == YAML_BLOCK_MAPPING_STYLE;
		node->tag = copy(event->data.mapping_start.tag);
		node->anchor = copy(event->data.mapping_start.anchor);
		read_children(reader, node, YAML_MAPPING_END_EVENT);
		return node;
	default:
		node->kind = ALIAS;
		node->value = copy(event->data.alias.anchor);
		return node;
	}
}

static struct node *read_text(const struct text *text)
{
	struct reader reader = { .text = text, .bytes = characters(text) };
	if (!yaml_parser_initialize(&reader.parser))
		fail("%s: %s", wanted.file, strerror(ENOMEM));
	yaml_parser_set_input_string(&reader.parser, (unsigned char *)text->bytes, text->length);
	yaml_event_t event = next_event(&reader);
	if (event.data.stream_start.encoding != YAML_UTF8_ENCODING)
		refuse("it is not in UTF-8");
	struct node *root = NULL;
	while ((event = next_event(&reader)).type == YAML_DOCUMENT_START_EVENT) {
		if (root)
			refuse("it has several documents, and ziti-router reads the first alone");
		event = next_event(&reader);
		root = read_node(&reader, &event);
		next_event(&reader);
	}
	yaml_parser_delete(&reader.parser);
	return root ? root : allocate(sizeof(*root));
}

/* ---- Finding */

static bool is_scalar(const struct node *node, const char *value)
{
	return node->kind == SCALAR && node->value && strcmp(node->value, value) == 0;
}

/* True for a value that ziti-router takes for nothing. */
static bool is_null(const struct node *node)
{
	return node->plain && !node->tag &&
	       (is_scalar(node, "") || is_scalar(node, "~") || is_scalar(node, "null") || is_scalar(node, "Null") || is_scalar(node, "NULL"));
}

/* Returns the key's index among the children, at or after this one, or `count` if it is not there. */
static size_t find(const struct node *mapping, const char *key, size_t from)
{
	while (from < mapping->count && !is_scalar(mapping->children[from], key))
		from += 2;
	return from;
}

/* Returns the value of a key, or NULL if the node is no mapping or does not have it. */
static struct node *get(const struct node *node, const char *key)
{
	size_t at = node->kind == MAPPING ? find(node, key, 0) : node->count;
	return at < node->count ? node->children[at + 1] : NULL;
}

static struct node *get_sequence(const struct node *node, const char *key)
{
	struct node *found = get(node, key);
	return found && found->kind == SEQUENCE ? found : NULL;
}

static void refuse_twice(const struct node *mapping, const char *key)
{
	if (find(mapping, key, find(mapping, key, 0) + 2) < mapping->count)
		refuse("%s stands in it twice, side by side", key);
}

/* An alias or a merge key brings in what stands elsewhere too: it cannot be changed in one place. */
static void refuse_shared(const struct node *node)
{
	if (node->kind == ALIAS || node->anchor || (node->kind == MAPPING && get(node, "<<")))
		refuse("what is to be changed in it is, or holds, an anchor, an alias or a merge key");
}

static struct place locate(struct node *root)
{
	struct place place = { .root = root };
	struct node *listeners = get_sequence(root, "listeners");
	for (size_t i = 0; listeners && i < listeners->count; i++) {
		struct node *listener = listeners->children[i], *binding = get(listener, "binding");
		if (listener->kind == ALIAS || (listener->kind == MAPPING && get(listener, "<<")) || (binding && binding->kind == ALIAS))
			refuse("its listeners have aliases or merge keys");
		if (!binding || !is_scalar(binding, "tunnel"))
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
	size_t at = find(place.listener, "options", 0);
	if (at == place.listener->count)
		return place;
	place.key = place.listener->children[at];
	place.options = place.listener->children[at + 1];
	refuse_shared(place.options);
	if (place.options->kind != MAPPING && !is_null(place.options))
		refuse("the options of its tunnel listener are no mapping");
	return place;
}

/* ---- Splicing */

static struct text splice(const struct text *text, size_t from, size_t to, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static struct text splice(const struct text *text, size_t from, size_t to, const char *format, ...)
{
	struct text spliced = {};
	wanted.changed = true;
	FILE *stream = open_memstream(&spliced.bytes, &spliced.length);
	va_list arguments;
	va_start(arguments, format);
	fwrite(text->bytes, 1, from, stream);
	vfprintf(stream, format, arguments);
	fwrite(text->bytes + to, 1, text->length - to, stream);
	va_end(arguments);
	if (fclose(stream))
		fail("%s: %s", wanted.file, strerror(errno));
	return spliced;
}

static size_t line_start(const struct text *text, size_t at)
{
	while (at && text->bytes[at - 1] != '\n')
		at--;
	return at;
}

/* Returns the offset of the line's break, or of the text's end. */
static size_t line_end(const struct text *text, size_t at)
{
	while (at < text->length && text->bytes[at] != '\n' && text->bytes[at] != '\r')
		at++;
	return at;
}

static size_t next_line(const struct text *text, size_t at)
{
	at = line_end(text, at);
	at += at < text->length && text->bytes[at] == '\r';
	return at + (at < text->length && text->bytes[at] == '\n');
}

static const char *line_break(const struct text *text)
{
	size_t end = line_end(text, 0);
	return end < text->length && text->bytes[end] == '\r' ? "\r\n" : "\n";
}

static int column(const struct text *text, const struct node *node)
{
	return node->start - line_start(text, node->start);
}

/* A plain text is a string to every reader if it has a slash: it is never a number, a date or a truth. */
static bool is_plain_string(const char *value)
{
	size_t safe = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/.:_-");
	return strchr(value, '/') && strchr("/:.-", value[0]) == NULL && value[safe] == 0 && value[safe - 1] != ':';
}

static const char *render(const char *value, bool block)
{
	if (block && is_plain_string(value))
		return value;
	char *rendered = allocate(2 * strlen(value) + 2), *at = rendered;
	*at++ = '"';
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			*at++ = '\\';
		*at++ = *value;
	}
	*at = '"';
	return rendered;
}

static bool is_set(const struct node *value, const struct option *option)
{
	return is_scalar(value, option->value) && !value->anchor && !value->tag && (!value->plain || is_plain_string(option->value));
}

static void refuse_anchors(const struct node *node)
{
	refuse_shared(node);
	for (size_t i = 0; i < node->count; i++)
		refuse_anchors(node->children[i]);
}

static struct text replace_value(const struct text *text, const struct place *place, size_t at, const struct option *option)
{
	const struct node *key = place->options->children[at], *value = place->options->children[at + 1];
	bool block = place->options->plain;
	const char *rendered = render(option->value, block), *space = value->start == value->end ? " " : "";
	size_t end = line_end(text, key->end), colon = key->end;
	if (!block || value->start <= end)
		return splice(text, value->start, value->end, "%s%s", space, rendered);
	/* The value moves from the lines below to the key's, before its comment. */
	while (text->bytes[colon] == ' ' || text->bytes[colon] == '\t')
		colon++;
	if (text->bytes[colon++] != ':')
		refuse(FORM);
	return splice(text, colon, value->end, " %s%.*s", rendered, (int)(end - colon), text->bytes + colon);
}

static struct text remove_pair(const struct text *text, const struct place *place, size_t at)
{
	size_t start = place->options->children[at]->start, end = place->options->children[at + 1]->end, comma;
	if (place->options->plain)
		return splice(text, line_start(text, start), next_line(text, end), "%s", "");
	for (comma = end; is_blank(text->bytes[comma]); comma++)
		;
	if (text->bytes[comma] == ',') {
		for (end = comma + 1; text->bytes[end] == ' '; end++)
			;
		return splice(text, start, end, "%s", "");
	}
	for (comma = start; text->bytes[comma - 1] == ' '; comma--)
		;
	return splice(text, text->bytes[comma - 1] == ',' ? comma - 1 : start, end, "%s", "");
}

static struct text add_option(const struct text *text, const struct place *place, const struct option *option)
{
	const struct node *listener = place->listener, *options = place->options;
	const char *new_line = line_break(text), *quoted = render(option->value, false), *rendered = render(option->value, true);
	if (options && options->kind == MAPPING) {
		if (options->plain)
			return splice(text, line_end(text, place->key->end), line_end(text, place->key->end), "%s%*s%s: %s", new_line,
				      column(text, options->children[0]), "", option->key, rendered);
		if (options->count)
			return splice(text, options->children[0]->start, options->children[0]->start, "%s: %s, ", option->key, quoted);
		size_t inside = (char *)memchr(text->bytes + options->start, '{', options->end - options->start) - text->bytes + 1;
		return splice(text, inside, inside, "%s: %s", option->key, quoted);
	}
	if (!listener->plain && options)
		return splice(text, options->start, options->end, "%s{%s: %s}", options->start == options->end ? " " : "", option->key, quoted);
	if (!listener->plain)
		return splice(text, listener->children[0]->start, listener->children[0]->start, "options: {%s: %s}, ", option->key, quoted);
	int indent = column(text, listener->children[0]);
	if (options) {
		size_t end = line_end(text, options->end);
		return splice(text, options->start, end, "%.*s%s%*s%s: %s", (int)(end - options->end), text->bytes + options->end, new_line,
			      indent + 2, "", option->key, rendered);
	}
	return splice(text, line_end(text, listener->end), line_end(text, listener->end), "%s%*soptions:%s%*s%s: %s", new_line, indent, "",
		      new_line, indent + 2, "", option->key, rendered);
}

/* The text comes one splice closer to the option. False if there is none to make. */
static bool set(struct text *text, const struct option *option)
{
	struct place place = locate(read_text(text));
	const struct node *options = place.options;
	size_t count = options && options->kind == MAPPING ? options->count : 0, at = 0;
	if (option->value[0])
		while ((at = count ? find(options, option->key, at) : 0) < count && is_set(options->children[at + 1], option))
			at += 2;
	else
		at = count ? find(options, option->key, 0) : 0;
	if (at < count) {
		refuse_anchors(options->children[at]);
		refuse_anchors(options->children[at + 1]);
		*text = option->value[0] ? replace_value(text, &place, at, option) : remove_pair(text, &place, at);
		return true;
	}
	if (!option->value[0] || (count && find(options, option->key, 0) < count))
		return false;
	*text = add_option(text, &place, option);
	return true;
}

/* ---- Reading back */

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
		for (size_t at; (at = find(place->options, wanted.options[i].key, 0)) < place->options->count;)
			take_out(place->options, at);
	if (!place->options->count && !place->options->tag)
		take_out(place->listener, find(place->listener, "options", 0));
}

static bool are_set(const struct node *options)
{
	if (!options || options->kind != MAPPING)
		return false;
	for (size_t i = 0; i < wanted.count; i++) {
		const struct option *option = &wanted.options[i];
		size_t at = find(options, option->key, 0);
		if ((at < options->count) != (option->value[0] != 0))
			return false;
		for (; at < options->count; at = find(options, option->key, at + 2))
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

/* ---- The health checks of ziti-router itself */

static bool binds_health_checks(const struct node *server)
{
	const struct node *apis = get_sequence(server, "apis");
	for (size_t i = 0; apis && i < apis->count; i++) {
		const struct node *binding = get(apis->children[i], "binding");
		if (binding && is_scalar(binding, "health-checks"))
			return true;
	}
	return false;
}

static bool is_at(const struct node *server, unsigned port, bool outside)
{
	char end[16];
	size_t length = snprintf(end, sizeof(end), ":%u", port);
	const struct node *points = get_sequence(server, "bindPoints");
	for (size_t i = 0; points && i < points->count; i++) {
		const struct node *interface = get(points->children[i], "interface");
		const char *at = interface && interface->kind == SCALAR ? interface->value : "";
		bool inside = strncmp(at, "127.", 4) == 0 || strncmp(at, "localhost:", 10) == 0 || strncmp(at, "[::1]:", 6) == 0;
		if (strlen(at) >= length && strcmp(at + strlen(at) - length, end) == 0 && !(outside && inside))
			return true;
	}
	return false;
}

void configure_check(const char *file, unsigned port, bool outside)
{
	wanted.file = file;
	struct text text = read_file(file);
	const struct node *web = get_sequence(read_text(&text), "web");
	for (size_t i = 0; web && i < web->count; i++)
		if (binds_health_checks(web->children[i]) && is_at(web->children[i], port, outside))
			return;
	fail("%s: it has no health checks on port %u%s. Add these lines%s, and start ziti-router again:\n%s"
	     "  - name: health-checks\n"
	     "    bindPoints:\n"
	     "      - interface: %s:%u\n"
	     "        address: 127.0.0.1:%u\n"
	     "    apis:\n"
	     "      - binding: health-checks",
	     file, port, outside ? " for a load balancer" : "", web ? " below its web:" : "", web ? "" : "web:\n",
	     outside ? "0.0.0.0" : "127.0.0.1", port, port);
}
