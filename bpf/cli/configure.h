/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ziti-router's configuration is a person's text. Options of its tunnel listener are set by splices where libyaml says that they
 * stand, so that comments and all else stay, byte for byte. The result is read again, and only printed if nothing but these
 * options is another. libyaml is what ziti-router's own reader is a port of. Nothing is freed: the command is short.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

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

/* configure_wanted.c: what the command was asked for, and how it fails */
extern struct wanted {
	const char *file;
	struct option *options;
	size_t count;
	bool changed; /* the text is no longer the file's */
} wanted;
#define FORM "the options of its tunnel listener stand in a form that is not changed here"
void *allocate(size_t size);
/* The command fails with what is in the way, and what a person is to write in its place. */
void refuse(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* yaml.c: the text as nodes, which know where in it they stand */
struct text read_file(const char *file);
struct node *read_text(const struct text *text);
bool is_blank(char byte);
bool node_is(const struct node *node, const char *value);
/* True for a value that ziti-router takes for nothing. */
bool node_is_null(const struct node *node);
/* Returns the key's index among the children, at or after this one, or `count` if it is not there. */
size_t node_find(const struct node *mapping, const char *key, size_t from);
/* Returns the value of a key, or NULL if the node is no mapping or does not have it. */
struct node *node_get(const struct node *node, const char *key);
struct node *node_get_sequence(const struct node *node, const char *key);

/* tunnel_listener.c */
/* The place of the tunnel listener's options in the document. Without `key` they are not there yet. */
struct place {
	struct node *root, *listener, *key, *options;
};
/* Refuses a document whose tunnel listener is not there to be changed in one place. */
struct place locate(struct node *root);
void refuse_shared(const struct node *node);

/* configure_splice.c: the text with one more option set, or one less */
struct text replace_value(const struct text *text, const struct place *place, size_t at, const struct option *option);
struct text remove_pair(const struct text *text, const struct place *place, size_t at);
struct text add_option(const struct text *text, const struct place *place, const struct option *option);
/* True if the value is what the splices write for this option. */
bool is_set(const struct node *value, const struct option *option);
