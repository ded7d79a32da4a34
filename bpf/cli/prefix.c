// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diverter.h"

static void clear_host_bits(struct prefix *prefix)
{
	for (unsigned bit = prefix->length; bit < 8 * sizeof(prefix->address.bytes); bit++)
		prefix->address.bytes[bit / 8] &= ~(0x80 >> bit % 8);
}

/* A number has digits only: no sign, no blank. */
static bool parse_number(const char *text, unsigned long most, unsigned *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || value > most)
		return false;
	*number = value;
	return true;
}

bool parse_port(const char *text, unsigned *port)
{
	return parse_number(text, 0xffff, port);
}

bool parse_prefix(const char *address, const char *length, struct prefix *prefix)
{
	memset(prefix, 0, sizeof(*prefix));
	if (inet_pton(AF_INET, address, prefix->address.bytes) == 1)
		prefix->family = 4;
	else if (inet_pton(AF_INET6, address, prefix->address.bytes) == 1)
		prefix->family = 6;
	else
		return false;

	if (!parse_number(length, ADDRESS_BITS(prefix->family), &prefix->length))
		return false;
	clear_host_bits(prefix);
	return true;
}

bool parse_cidr(const char *text, struct prefix *prefix)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return false;
	memcpy(address, text, slash - text);
	address[slash - text] = 0;
	return parse_prefix(address, slash + 1, prefix);
}

const char *prefix_text(const struct prefix *prefix, char text[PREFIX_TEXT])
{
	char address[INET6_ADDRSTRLEN] = "";
	inet_ntop(prefix->family == 4 ? AF_INET : AF_INET6, prefix->address.bytes, address, sizeof(address));
	snprintf(text, PREFIX_TEXT, "%s/%u", address, prefix->length);
	return text;
}
