// SPDX-License-Identifier: Apache-2.0
/*
 * ziti-router's own health check says whether it has reached its controller, and so has its services. curl asks it, as it speaks
 * TLS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diverter.h"

#define NO_CURL 127
#define BODY 65536

static void run_curl(unsigned port, int output)
{
	char address[64];
	snprintf(address, sizeof(address), "https://127.0.0.1:%u/health-checks?type=short", port);
	dup2(output, STDOUT_FILENO);
	/* Root's own settings of it, which the first option leaves out, may have it answer into a file. */
	execlp("curl", "curl", "--disable", "--silent", "--insecure", "--noproxy", "*", "--max-time", "1", address, NULL);
	_exit(NO_CURL);
}

/* Returns curl's exit code, with the answer in `body`. */
static int ask(unsigned port, char body[BODY])
{
	int ends[2], status = 0;
	size_t length = 0;
	if (pipe(ends))
		return NO_CURL;
	pid_t child = fork();
	if (child == 0)
		run_curl(port, ends[1]);
	close(ends[1]);
	for (ssize_t more; child > 0 && length < BODY - 1 && (more = read(ends[0], body + length, BODY - 1 - length)) > 0;)
		length += more;
	close(ends[0]);
	body[length] = 0;
	if (child < 0 || waitpid(child, &status, 0) != child)
		return NO_CURL;
	return WIFEXITED(status) ? WEXITSTATUS(status) : NO_CURL;
}

/* True if a member "healthy" has this value, anywhere in the answer. */
static bool says(const char *body, const char *value)
{
	const char *name = "\"healthy\"";
	for (const char *at = body; (at = strstr(at, name));) {
		at += strlen(name);
		at += strspn(at, " \t\r\n:");
		if (strncmp(at, value, strlen(value)) == 0)
			return true;
	}
	return false;
}

const char *router_problem(unsigned port)
{
	static char body[BODY], text[256];
	if (!port)
		return NULL;
	int code = ask(port, body);
	if (code == NO_CURL)
		return "cannot ask ziti-router, for curl does not run here: `apt-get install curl`";
	if (code)
		snprintf(text, sizeof(text), "ziti-router does not answer at https://127.0.0.1:%u/health-checks (curl's exit code is %d): does it "
			 "run, and has its configuration a `web` section with health-checks on that port?", port, code);
	else if (says(body, "false"))
		snprintf(text, sizeof(text), "ziti-router says that it is not healthy: it has not reached its controller yet, or lost it");
	else if (!says(body, "true"))
		snprintf(text, sizeof(text), "what answers at https://127.0.0.1:%u/health-checks does not say whether it is healthy: is it "
			 "ziti-router?", port);
	else
		return NULL;
	return text;
}
