// SPDX-License-Identifier: Apache-2.0
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "diverter.h"

/* Returns the length of the first character in UTF-8 (RFC 3629), and its code point; 0 if it is none. */
static size_t first_character(const unsigned char *text, __u32 *point)
{
	static const __u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = *text < 0x80 ? 1 : *text < 0xc0 ? 0 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : *text < 0xf5 ? 4 : 0;
	*point = length > 1 ? *text & 0x7f >> length : *text;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*point = *point << 6 | (text[i] & 0x3f);
	}
	return *point < least[length] || *point > 0x10ffff || (*point >= 0xd800 && *point < 0xe000) ? 0 : length;
}

/* True for Unicode's `Cc` and `Bidi_Control`, and what breaks a line: what a terminal obeys, or shows another way than it was written. */
static bool is_control(__u32 point)
{
	return point < ' ' || (point >= 0x7f && point < 0xa0) || point == 0x061c || point == 0x200e || point == 0x200f ||
	       (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

void make_printable(char *text)
{
	for (size_t length; *text; text += length) {
		__u32 point;
		length = first_character((const unsigned char *)text, &point);
		bool shown = length && !is_control(point);
		if (!length)
			length = 1;
		for (size_t i = 0; !shown && i < length; i++)
			text[i] = '?';
	}
}
