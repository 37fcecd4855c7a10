// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A command's settings in, answer after answer out. */
#include "user/cli/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "user/cli/ask.h"
#include "user/cli/show.h"
#include "user/lib/table.h"

#define JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15)) /* as the API has it */
#define CURSOR_MAX 128 /* of the collector's text, with NUL */

struct follow {
	const struct ask *ask;
	struct ask_options *options; /* in front of the settings */
	const char *filter;
	int signal_fd;
	char after[CURSOR_MAX];
	struct table_layout layout;
	struct show show;
	bool is_wanting; /* the collector did not answer */
	bool has_shown;
};

/* Signals are read where we wait: nothing is cut in the middle of a line. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* True at a signal, and when nobody is left to read: there may be no row to find out with. */
static bool wait_interval(const struct follow *f)
{
	struct pollfd ends[] = {
		{ .fd = f->signal_fd, .events = POLLIN },
		{ .fd = STDOUT_FILENO }, /* POLLERR, POLLHUP */
	};

	return poll(ends, ARRAY_LEN(ends), (int)(f->options->interval_us / 1000)) != 0;
}

/* A line a row, at once: somebody reads it as it comes. */
static int print_json_rows(const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (json_dumpf(row, stdout, JSON_FLAGS))
			return EXIT_FAILED;
		putchar('\n');
	}
	return EXIT_DONE;
}

/* The API has the newest first; below each other the oldest is. */
static int reverse_rows(json_t *root)
{
	const json_t *rows = json_object_get(root, "rows");
	json_t *turned = json_array();

	for (size_t i = json_array_size(rows); i-- > 0;)
		json_array_append(turned, json_array_get(rows, i));
	return json_object_set_new(root, "rows", turned);
}

static int show_rows(struct follow *f, json_t *root)
{
	const json_t *rows = json_object_get(root, "rows");
	int64_t left_out = show_int(root, "matched") - (int64_t)json_array_size(rows);

	if (f->ask->follow == FOLLOW_ROWS && reverse_rows(root))
		return EXIT_FAILED;
	rows = json_object_get(root, "rows");
	if (left_out > 0 && f->options->after)
		command_error("%lld rows at once are left out: a filter takes fewer",
			      (long long)left_out);
	if (!json_array_size(rows))
		return EXIT_DONE;
	if (f->options->client.json)
		return print_json_rows(rows);
	return f->ask->print(&f->show, f->options, root);
}

static int show_again(struct follow *f, const json_t *root)
{
	if (f->options->client.json) {
		if (json_dumpf(root, stdout, JSON_FLAGS))
			return EXIT_FAILED;
		putchar('\n');
		return EXIT_DONE;
	}
	if (f->show.can_clear)
		fputs("\033[H\033[2J", stdout);
	else if (f->has_shown)
		putchar('\n');
	f->has_shown = true;
	return f->ask->print(&f->show, f->options, root);
}

static int take_cursor(struct follow *f, const json_t *root)
{
	const char *cursor = show_text(root, "cursor");

	if (!*cursor || strlen(cursor) >= CURSOR_MAX) {
		command_error("the collector is too old for --follow: its answer has no cursor");
		return EXIT_FAILED;
	}
	strcpy(f->after, cursor);
	f->options->after = f->after;
	return EXIT_DONE;
}

static int ask_once(struct follow *f)
{
	struct client_options client = f->options->client;
	AUTO(client_query_done) struct client_query q = { 0 };
	AUTO_JSON json_t *root = NULL;
	int status = ask_query(f->ask, f->options, f->filter, &q);

	client.json = false; /* it is printed here, line by line */
	client.stop_fd = f->signal_fd;
	client.is_quiet = f->is_wanting;
	if (status == COMMAND_GO_ON)
		status = client_get_json(&client, &q, &root);
	if (status != COMMAND_GO_ON)
		return status;
	if (f->is_wanting)
		command_error("the collector answers again");
	f->is_wanting = false;
	status = f->ask->follow == FOLLOW_AGAIN ? show_again(f, root) : show_rows(f, root);
	if (status == EXIT_DONE && f->ask->follow != FOLLOW_AGAIN)
		status = take_cursor(f, root);
	if (fflush(stdout))
		return EXIT_FAILED;
	return status == EXIT_DONE ? COMMAND_GO_ON : status;
}

/* Only what is new, unless a time was asked for: then first what was in it. */
static void begin(struct follow *f)
{
	const struct range_options *range = &f->options->range;

	if (f->ask->follow == FOLLOW_AGAIN)
		return;
	f->show.below = &f->layout;
	if (!range->last && !range->from && !range->to)
		f->options->after = "now";
}

int follow_run(const struct ask *ask, void *settings, const char *filter)
{
	AUTO_FD int signal_fd = -1;
	struct follow f = { .ask = ask, .options = settings, .filter = filter };
	int status;

	if (f.options->client.csv) {
		command_error("--csv does not go with --follow: --json has a line a row");
		return EXIT_USAGE;
	}
	signal_fd = take_signals();
	if (signal_fd < 0) {
		command_error("signals: %s", strerror(errno));
		return EXIT_FAILED;
	}
	f.signal_fd = signal_fd;
	show_init(&f.show, f.options->client.exact);
	begin(&f);
	status = ask_once(&f);
	while (status == COMMAND_GO_ON && !wait_interval(&f)) {
		status = ask_once(&f);
		if (status == EXIT_FAILED && !ferror(stdout)) {
			f.is_wanting = true;
			status = COMMAND_GO_ON;
		}
	}
	return status == COMMAND_GO_ON ? EXIT_DONE : status;
}
