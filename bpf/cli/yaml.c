// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "configure.h"
#include "diverter.h"

static const char *copy(const void *text)
{
	return text ? strcpy(allocate(strlen(text)), text) : NULL;
}

struct text read_file(const char *file)
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

bool is_blank(char byte)
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

struct node *read_text(const struct text *text)
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

bool node_is(const struct node *node, const char *value)
{
	return node->kind == SCALAR && node->value && strcmp(node->value, value) == 0;
}

bool node_is_null(const struct node *node)
{
	return node->plain && !node->tag &&
	       (node_is(node, "") || node_is(node, "~") || node_is(node, "null") || node_is(node, "Null") || node_is(node, "NULL"));
}

size_t node_find(const struct node *mapping, const char *key, size_t from)
{
	while (from < mapping->count && !node_is(mapping->children[from], key))
		from += 2;
	return from;
}

struct node *node_get(const struct node *node, const char *key)
{
	size_t at = node->kind == MAPPING ? node_find(node, key, 0) : node->count;
	return at < node->count ? node->children[at + 1] : NULL;
}

struct node *node_get_sequence(const struct node *node, const char *key)
{
	struct node *found = node_get(node, key);
	return found && found->kind == SEQUENCE ? found : NULL;
}
