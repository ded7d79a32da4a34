// SPDX-License-Identifier: Apache-2.0
/*
 * OpenZiti's external diverter contract is tunnel/intercept/tproxy/tproxy_linux.go of github.com/openziti/ziti. It runs the
 * command once for every address, protocol, port range, source prefix and interface, and takes any exit code but 0 as a failure.
 */
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "diverter.h"

struct arguments {
	char action; /* 'I', 'D' or 'V' */
	const char *address, *length, *protocol, *source, *source_length, *low, *high, *port, *service, *interface;
};

static struct arguments read_arguments(int argc, char **argv)
{
	struct arguments arguments = {};
	for (int option; (option = getopt(argc, argv, "VIDc:m:p:o:n:l:h:t:s:N:")) != -1;) {
		switch (option) {
		case 'V':
		case 'I':
		case 'D':
			if (arguments.action && arguments.action != option)
				fail("-%c and -%c in one call: which?", arguments.action, option);
			arguments.action = option;
			break;
		case 'c':
			arguments.address = optarg;
			break;
		case 'm':
			arguments.length = optarg;
			break;
		case 'p':
			arguments.protocol = optarg;
			break;
		case 'o':
			arguments.source = optarg;
			break;
		case 'n':
			arguments.source_length = optarg;
			break;
		case 'l':
			arguments.low = optarg;
			break;
		case 'h':
			arguments.high = optarg;
			break;
		case 't':
			arguments.port = optarg;
			break;
		case 's':
			arguments.service = optarg;
			break;
		case 'N':
			arguments.interface = optarg;
			break;
		default:
			fail("see `diverter --help`");
		}
	}
	if (optind < argc)
		fail("unexpected argument %s", argv[optind]);
	return arguments;
}

static unsigned read_port(const char *option, const char *text)
{
	unsigned port;
	if (!text)
		fail("-%s and its port are missing", option);
	if (!parse_port(text, &port))
		fail("-%s %s: not a port", option, text);
	return port;
}

/* The tunneler gives any source as 0.0.0.0/0, also for IPv6, and a single IPv6 source the length 32 of an IPv4 one. */
static void read_source(const struct arguments *arguments, struct rule *rule)
{
	const char *source = arguments->source ? arguments->source : "0.0.0.0";
	const char *length = arguments->source_length ? arguments->source_length : "0";
	struct prefix whole;
	if (!parse_prefix(source, length, &rule->source))
		fail("-o %s -n %s: not a source prefix", source, length);
	if (rule->source.family == 6 && rule->source.length == 32 && parse_prefix(source, "128", &whole) &&
	    memcmp(&whole.address, &rule->source.address, sizeof(whole.address)) != 0)
		rule->source = whole;
	if (rule->source.length == 0)
		rule->source.family = rule->destination.family;
}

/* OpenZiti's ids of services are short enough. A longer text is cut behind a whole character. */
static void copy_label(char label[SERVICE_ID_MAX], const char *text)
{
	size_t length = strnlen(text, SERVICE_ID_MAX);
	if (length == SERVICE_ID_MAX)
		for (length--; length && (text[length] & 0xc0) == 0x80; length--)
			;
	memcpy(label, text, length);
	label[length] = 0;
	make_printable(label);
}

static struct rule read_rule(const struct arguments *arguments)
{
	struct rule rule = {};
	if (!arguments->address || !arguments->length)
		fail("-c ADDRESS and -m LENGTH, the destination prefix, are missing, or one of them is");
	if (!parse_prefix(arguments->address, arguments->length, &rule.destination))
		fail("-c %s -m %s: not a destination prefix", arguments->address, arguments->length);
	if (!arguments->protocol)
		fail("-p tcp or -p udp is missing");
	if (strcmp(arguments->protocol, "tcp") == 0)
		rule.protocol = IPPROTO_TCP;
	else if (strcmp(arguments->protocol, "udp") == 0)
		rule.protocol = IPPROTO_UDP;
	else
		fail("-p %s: neither tcp nor udp", arguments->protocol);
	read_source(arguments, &rule);
	rule.low = read_port("l", arguments->low);
	rule.high = read_port("h", arguments->high);
	if (rule.low > rule.high)
		fail("-l %u -h %u: the range is empty", rule.low, rule.high);
	if (arguments->interface && !(rule.ifindex = if_nametoindex(arguments->interface)))
		fail("-N %s: there is no such interface; rules of one that is gone go by `diverter flush`, then restart the router",
		     arguments->interface);
	return rule;
}

/* The log of a failure has the command line, which says what it was about where it could not be read. */
static char called[512];
static bool is_addition;

static void note_call(int argc, char **argv)
{
	size_t length = 0;
	for (int i = 1; i < argc && length < sizeof(called); i++) {
		length += snprintf(called + length, sizeof(called) - length, " %s", argv[i]);
		is_addition |= strcmp(argv[i], "-I") == 0;
	}
	openlog("diverter", 0, LOG_DAEMON);
}

/* The system log and the map `calls` get the failure: OpenZiti says at debug only that a call failed, and never why. */
static void tell(const char *sentence)
{
	char text[sizeof(((struct calls *)0)->refusal)];
	if (snprintf(text, sizeof(text), "%s: diverter%s", sentence, called) >= (int)sizeof(text))
		strcpy(text + sizeof(text) - sizeof("..."), "...");
	make_printable(text);
	syslog(LOG_ERR, "%s", text);
	if (is_addition)
		calls_refused(text);
}

static void warn(const char *sentence)
{
	fprintf(stderr, "diverter: %s\n", sentence);
	syslog(LOG_WARNING, "%s", sentence);
}

/* ziti-router, whose capabilities this process has, answers a datagram from the port it was sent to. */
static void warn_of_port(unsigned port)
{
	unsigned first = 1024;
	FILE *setting = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	if (setting && fscanf(setting, "%u", &first) != 1)
		first = 1024;
	if (setting)
		fclose(setting);
	if (port >= first || capable(CAP_NET_BIND_SERVICE))
		return;
	char sentence[256];
	snprintf(sentence, sizeof(sentence), "without CAP_NET_BIND_SERVICE ziti-router cannot answer datagrams to ports below %u: give "
		 "its unit `AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE`", first);
	warn(sentence);
}

static void add(const struct maps *maps, const struct rule *rule)
{
	if (rule->protocol == IPPROTO_UDP && rule->port)
		warn_of_port(rule->low);
	/* The route comes first: a packet that is diverted to an address of nobody is lost. */
	route_add(&rule->destination);
	rule_add(maps, rule);
	calls_added(maps->calls);
	fputs("added ", stdout);
}

static void remove_rule(const struct maps *maps, const struct rule *rule)
{
	enum removal removal = rule_remove(maps, rule);
	if (!has_rules(maps, &rule->destination))
		route_delete(&rule->destination);
	switch (removal) {
	case NO_SUCH_RULE:
		fail("there is no such rule to remove: `diverter services` lists those there are");
	case STILL_LISTENING:
		fail("that rule stays, as its listener is still there: a router closes it before it says -D");
	case REMOVED:
		break;
	}
	fputs("removed ", stdout);
}

int contract(int argc, char **argv)
{
	note_call(argc, argv);
	fail_also_to(tell);
	struct arguments arguments = read_arguments(argc, argv);
	is_addition = arguments.action == 'I';
	if (arguments.action == 'V') {
		puts(VERSION);
		fflush(stdout);
		maps_check();
		warn_of_port(1);
		return 0;
	}
	if (!arguments.action)
		fail("one of -V, -I and -D is missing");

	struct rule rule = read_rule(&arguments);
	if (is_addition) {
		rule.port = read_port("t", arguments.port);
		if (!arguments.service || !arguments.service[0])
			fail("-s SERVICE is missing");
		copy_label(rule.service, arguments.service);
	}
	/* A service can have sources of both families: a failure would have the tunneler leave out those that are right as well. */
	if (rule.source.family != rule.destination.family) {
		fputs("ignored, as no packet is of IPv4 and IPv6: ", stdout);
		rule_print(&rule);
		return 0;
	}
	struct maps maps;
	maps_lock(&maps);
	(is_addition ? add : remove_rule)(&maps, &rule);
	locals_follow(is_addition ? &rule.destination : NULL);
	rule_print(&rule);
	return 0;
}
