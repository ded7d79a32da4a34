// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "diverter.h"

static void (*also_told)(const char *sentence);

void fail_also_to(void (*told)(const char *sentence))
{
	also_told = told;
}

void fail(const char *format, ...)
{
	char sentence[1024];
	void (*told)(const char *sentence) = also_told;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	fprintf(stderr, "diverter: %s\n", sentence);
	also_told = NULL; /* it may fail itself */
	if (told)
		told(sentence);
	exit(1);
}
