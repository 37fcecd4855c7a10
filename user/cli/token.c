// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally token`: a new token on stdout, its hash into the collector's file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/command.h"
#include "user/lib/cleanup.h"
#include "user/lib/secret.h"

struct settings {
	const char *file;
	bool help;
};

static const struct option_row rows[] = {
	{ "file", 'o', OPTION_TEXT, offsetof(struct settings, file), "FILE", NULL,
	  .help = "append the line to the collector's --tokens FILE (made if it is not there)" },
	{ "help", 'h', OPTION_FLAG, offsetof(struct settings, help), .help = "print this" },
};

static const struct command_text text = {
	.usage = "wiretally token [--file FILE] agent|read NAME",
	.about =
		"Makes a token for an agent of another host, or for who asks from there, and prints it. The\n"
		"collector's file gets its SHA-256 alone; without --file that line goes to stderr. A collector\n"
		"reads the file at its start, and again at SIGHUP.",
	.examples =
		"  wiretally token --file /etc/wiretally/tokens agent web1 > web1.token\n"
		"  wiretally token --file /etc/wiretally/tokens read noc > ~/.wiretally-token\n",
};

/* As the collector takes it (batch.h). */
static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= 64 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       len;
}

static int append(const char *path, const char *line)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line) || fsync(fd)) {
		command_error("token: '%s': %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int make(const struct settings *s, const char *role, const char *name)
{
	char token[SECRET_TEXT_MAX], hex[SECRET_HASH_TEXT_MAX], line[256];
	uint8_t hash[SECRET_HASH_BYTES];
	int status = EXIT_DONE;

	if (secret_new(token) || secret_hash(token, hash)) {
		command_error("token: no randomness");
		return EXIT_FAILED;
	}
	secret_hash_format(hash, hex);
	snprintf(line, sizeof(line), "%s %s %s\n", role, name, hex);
	if (s->file)
		status = append(s->file, line);
	else
		fputs(line, stderr);
	if (status == EXIT_DONE)
		puts(token);
	explicit_bzero(token, sizeof(token));
	return status;
}

int cmd_token(int argc, char **argv)
{
	struct settings s = { 0 };
	int rest, status;

	status = command_options(&text, rows, ARRAY_LEN(rows), &s, &s.help, argc, argv, &rest);
	if (status != COMMAND_GO_ON)
		return status;
	if (argc - rest != 2 || (strcmp(argv[rest], "agent") && strcmp(argv[rest], "read"))) {
		command_error("token: want 'agent NAME' or 'read NAME' (wiretally token --help)");
		return EXIT_USAGE;
	}
	if (!is_name(argv[rest + 1])) {
		command_error("token: '%.70s' is no name: 1 to 64 of A-Z a-z 0-9 . _ -",
			      argv[rest + 1]);
		return EXIT_USAGE;
	}
	return make(&s, argv[rest], argv[rest + 1]);
}
