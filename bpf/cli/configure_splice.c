// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "configure.h"
#include "diverter.h"

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

bool is_set(const struct node *value, const struct option *option)
{
	return node_is(value, option->value) && !value->anchor && !value->tag && (!value->plain || is_plain_string(option->value));
}

struct text replace_value(const struct text *text, const struct place *place, size_t at, const struct option *option)
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

struct text remove_pair(const struct text *text, const struct place *place, size_t at)
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

struct text add_option(const struct text *text, const struct place *place, const struct option *option)
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
