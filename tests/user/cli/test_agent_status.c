// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/cli/agent_status.h"

/* A child that answers one connection at path with `times` copies of text; its pid. */
static pid_t answer(const char *path, const char *text, int times)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), peer;
	pid_t pid;

	strcpy(addr.sun_path, path);
	unlink(path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	peer = accept(fd, NULL, NULL);
	while (times--)
		if (send(peer, text, strlen(text), MSG_NOSIGNAL) < 0)
			break;
	_exit(0);
}

Test(agent_status, one_document_to_its_end)
{
	static const struct {
		const char *text;
		int times, want;
	} rows[] = {
		{ "{\"pid\":5}", 1, 0 },
		{ "", 1, -EBADMSG },
		{ "{\"pid\":", 1, -EBADMSG },
		{ "{\"pid\":5} and more", 1, -EBADMSG },
		{ "          ", 200000, -EBADMSG }, /* longer than AGENT_STATUS_MAX */
	};
	char path[64];

	snprintf(path, sizeof(path), "/tmp/wiretally-test-%d.sock", getpid());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = answer(path, rows[i].text, rows[i].times);
		json_t *root = NULL;

		cr_expect_eq(agent_status(path, &root), rows[i].want, "row %zu", i);
		if (!rows[i].want)
			cr_expect_eq(json_integer_value(json_object_get(root, "pid")), 5);
		json_decref(root);
		waitpid(pid, NULL, 0);
	}
	unlink(path);
}

Test(agent_status, nobody_there)
{
	char path[200];
	json_t *root;

	cr_expect_eq(agent_status("/nonexistent/agent.sock", &root), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	cr_expect_eq(agent_status(path, &root), -ENAMETOOLONG);
}
