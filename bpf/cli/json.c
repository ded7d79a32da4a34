// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "diverter.h"

void items_next(struct items *items)
{
	if (items->started)
		fputs(items->between, stdout);
	items->started = true;
}

void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			printf("%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	}
	putchar('"');
}
