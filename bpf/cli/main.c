// SPDX-License-Identifier: Apache-2.0
/* The commands that a person or a unit types, and their options. contract.c has those of OpenZiti's tunneler. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diverter.h"

/* libbpf's messages are for developers: they are kept back unless asked for. */
static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level < LIBBPF_DEBUG && getenv("DIVERTER_DEBUG") ? vfprintf(stderr, format, arguments) : 0;
}

static void misused(const char *verb, const char *argument, const char *what) __attribute__((noreturn));
static void misused(const char *verb, const char *argument, const char *what)
{
	fail("%s%s%s: %s; see `diverter --help`", verb, argument ? " " : "", argument ? argument : "", what);
}

/* An option's IPv4 prefix is added to those that it named before. */
static void add_prefix(const char *option, const char *value, struct prefix4 *prefixes, __u32 *count, __u32 most)
{
	struct prefix prefix;
	if (*count == most)
		fail("at most %u prefixes can be given by %s", most, option);
	if (!parse_cidr(value, &prefix) || prefix.family != 4)
		fail("%s %s: not an IPv4 prefix such as 10.0.1.0/24", option, value);
	struct prefix4 *added = &prefixes[(*count)++];
	memcpy(&added->address, prefix.address.bytes, sizeof(added->address));
	added->mask = htonl(prefix.length ? ~0u << (32 - prefix.length) : 0);
}

static int attach_command(int argc, char **argv)
{
	struct settings settings = { .reply = REPLY_DIRECT };
	bool any = false;

	if (argc < 1 || argv[0][0] == '-')
		misused("attach", NULL, "which interface?");
	for (int i = 1; i < argc; i += 2) {
		const char *value = argv[i + 1];
		if (strcmp(argv[i], "--reply") && strcmp(argv[i], "--from") && strcmp(argv[i], "--plain"))
			misused("attach", argv[i], "no such option");
		if (!value)
			misused("attach", argv[i], "its value is missing");
		if (strcmp(argv[i], "--reply") == 0) {
			if (strcmp(value, "direct") == 0)
				settings.reply = REPLY_DIRECT;
			else if (strcmp(value, "geneve") == 0)
				settings.reply = REPLY_GENEVE;
			else
				fail("--reply %s: neither direct nor geneve", value);
		} else if (strcmp(argv[i], "--from") == 0) {
			bool is_any = strcmp(value, "any") == 0;
			any |= is_any;
			add_prefix("--from", is_any ? "0.0.0.0/0" : value, settings.from, &settings.from_count, MAX_FROM);
		} else {
			add_prefix("--plain", value, settings.plain, &settings.plain_count, MAX_PLAIN);
		}
	}
	if (!settings.from_count)
		fail("attach %s: name the load balancer's addresses by --from CIDR, or trust every source by --from any", argv[0]);
	if (any && settings.from_count > 1)
		fail("attach %s: --from any trusts every source, beside which no other --from has a meaning", argv[0]);
	attach(argv[0], &settings);
	return 0;
}

static unsigned read_port(const char *option, const char *value)
{
	unsigned port;
	if (!value)
		misused("health", option, "its value is missing");
	if (!parse_port(value, &port) || !port)
		fail("health %s %s: not a port", option, value);
	return port;
}

static int health_command(int argc, char **argv)
{
	struct health_options options = {};
	char text[HEALTH_TEXT];
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--idle") == 0)
			options.idle = true;
		else if (strcmp(argv[i], "--port") == 0)
			options.port = read_port("--port", argv[++i]);
		else if (strcmp(argv[i], "--router") == 0)
			options.router = read_port("--router", argv[++i]);
		else
			misused("health", argv[i], "no such option");
	}
	if (options.port)
		health_serve(&options);
	enum health found = health_asked(&options, text);
	puts(text);
	return found;
}

static int detach_command(int argc, char **argv)
{
	if (argc > 1)
		misused("detach", argv[1], "it takes one interface, or none for all");
	if (argc)
		detach(argv[0]);
	else
		detach_all();
	return 0;
}

static int configure_command(int argc, char **argv)
{
	unsigned port;
	if (argc < 2)
		misused("configure", argc ? argv[0] : NULL, "it takes a FILE and KEY=VALUE..., or --router or --balancer PORT");
	bool outside = strcmp(argv[1], "--balancer") == 0;
	if (!outside && strcmp(argv[1], "--router") != 0) {
		configure(argv[0], argv + 1, argc - 1);
	} else {
		if (argc != 3 || !parse_port(argv[2], &port) || !port)
			misused("configure", argv[1], "it takes a port");
		configure_check(argv[0], port, outside);
	}
	return 0;
}

/* Returns true for --json, false for no argument. */
static bool read_json(const char *verb, int argc, char **argv)
{
	bool json = argc == 1 && strcmp(argv[0], "--json") == 0;
	if (argc && !json)
		misused(verb, argv[0], "it takes nothing but --json");
	return json;
}

/* A command that only answers has failed if not all of the answer went where it should. Who reads no further wants no more. */
static int answered(const char *verb)
{
	bool failed = fflush(stdout) != 0;
	if (!(failed && errno == EPIPE) && (failed || ferror(stdout)))
		fail("%s: the answer could not be written, is the disk full?", verb);
	return 0;
}

static int status_command(int argc, char **argv)
{
	status_print(read_json("status", argc, argv));
	return answered("status");
}

static int services_command(int argc, char **argv)
{
	services_print(read_json("services", argc, argv));
	return answered("services");
}

static int flush_command(int argc, char **argv)
{
	if (argc)
		misused("flush", argv[0], "it takes no argument");
	rules_flush();
	return 0;
}

static int watch_command(int argc, char **argv)
{
	if (argc)
		misused("watch", argv[0], "it takes no argument");
	watch();
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* given what stands behind the name; returns the exit code */
	const char *usage;
} commands[] = {
	{ "attach", attach_command,
	  "  diverter attach IF (--from CIDR)... [--plain CIDR]... [--reply direct|geneve]\n"
	  "                            divert on this interface what comes from these load balancer addresses, and what is\n"
	  "                            routed straight to it, without GENEVE, to these destinations\n"
	  "  diverter attach IF --from any\n" },
	{ "detach", detach_command,
	  "  diverter detach [IF]      let go of this interface, or of all; services stay, for when one is attached again\n" },
	{ "status", status_command,
	  "  diverter status [--json]  what is attached and stands before it, what was refused, the count of every verdict, and\n"
	  "                            what the kernel's stack counted\n" },
	{ "services", services_command,
	  "  diverter services [--json]\n"
	  "                            the rules that the router has given\n" },
	{ "flush", flush_command,
	  "  diverter flush            forget them all: for before a router that did not stop cleanly starts again\n" },
	{ "watch", watch_command,
	  "  diverter watch            the verdicts of every second, and what the stack counted, until interrupted\n" },
	{ "health", health_command,
	  "  diverter health [--port PORT] [--router PORT] [--idle]\n"
	  "                            whether it is attached, before all others, every listener is there and every destination\n"
	  "                            the router's own: by exit code (2: no service is announced), or over HTTP (200 or 503);\n"
	  "                            --router: and ziti-router says on that port that it is healthy, over HTTP only until it\n"
	  "                            is in service; --idle: no service is as well\n" },
	{ "configure", configure_command,
	  "  diverter configure FILE KEY=VALUE...\n"
	  "                            what ziti-router's configuration FILE is with these options of its tunnel listener, or\n"
	  "                            without one that has no VALUE; comments and all else stay\n"
	  "  diverter configure FILE --router|--balancer PORT\n"
	  "                            whether ziti-router, by this configuration, answers health checks on PORT: on the router\n"
	  "                            itself, or those of a load balancer\n" },
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void print_usage(FILE *stream)
{
	fputs("diverter " VERSION ": GENEVE of a Gateway Load Balancer to the sockets of an OpenZiti router\n"
	      "\n",
	      stream);
	for (size_t i = 0; i < COMMANDS; i++)
		fputs(commands[i].usage, stream);
	fputs("\n"
	      "attach and detach need root; flush, -I and -D CAP_NET_ADMIN and root or the group " GROUP ".\n"
	      "OpenZiti's tunneler (listener option mode: tproxy:/usr/sbin/diverter) calls\n"
	      "  diverter -V\n"
	      "  diverter -I -c IP -m LENGTH -p tcp|udp -o IP -n LENGTH -l PORT -h PORT -t PORT -s SERVICE [-N IF]\n"
	      "  diverter -D -c IP -m LENGTH -p tcp|udp -o IP -n LENGTH -l PORT -h PORT [-N IF]\n"
	      "-t 0, which it never says, leaves packets to the socket bound to their destination: a resolver's, for example.\n",
	      stream);
}

int main(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(argc < 2 ? stderr : stdout);
		return argc < 2;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("diverter " VERSION);
		return 0;
	}
	libbpf_set_print(print_libbpf);
	if (argv[1][0] == '-')
		return contract(argc, argv);
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 2, argv + 2);
	misused(argv[1], NULL, "no such command");
}
