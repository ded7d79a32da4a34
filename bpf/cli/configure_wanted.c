// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configure.h"
#include "diverter.h"

struct wanted wanted;

void *allocate(size_t size)
{
	void *memory = calloc(1, size + 1);
	if (!memory)
		fail("%s: %s", wanted.file, strerror(errno));
	return memory;
}

void refuse(const char *format, ...)
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
