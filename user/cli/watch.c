// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally watch`: a live screen; where there is no terminal, the same as text. */
#include "user/cli/watch.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "user/cli/ask.h"
#include "user/lib/clock.h"

struct settings {
	struct client_options client;
	const char *last, *view;
	int64_t interval_us;
	uint64_t count;
};

#define AT(member) offsetof(struct settings, member)
#define VIEW_NAMES "talkers|conversations|processes|tcp|drops"

static const struct option_row rows[] = {
	{ "view", 'v', OPTION_CHOICE, AT(view), NULL, "talkers", .choices = VIEW_NAMES,
	  .help = "what to begin with" },
	{ "last", 'l', OPTION_CHOICE, AT(last), NULL, "1m", .choices = "1m|5m|15m|1h|6h|24h|7d|all",
	  .help = "look back so far" },
	{ "interval", 'i', OPTION_DURATION, AT(interval_us), "TIME", "2s", .min = 100000,
	  .max = 3600000000, .help = "ask again every TIME" },
	{ "count", 0, OPTION_NUMBER, AT(count), "N", "0", .max = 1000000000,
	  .help = "without a terminal: end after N answers (0: never)" },
	CLIENT_ROWS(struct settings, client),
};

static const struct command_text text = {
	.usage = "wiretally watch [OPTION]… [FILTER…]",
	.about =
		"Shows what happens, as it happens: talkers, conversations, processes, TCP trouble and\n"
		"drops, to be sorted, filtered and drilled into; ? lists the keys. Where output is no\n"
		"terminal, or a dumb one, it prints the same as text. FILTER: docs/filters.md.",
	.examples = "  wiretally watch\n"
		    "  wiretally watch --view tcp --last 15m dst port 443\n"
		    "  wiretally watch --view drops --count 1 | head\n",
};

static size_t place_in(const char *const *words, const char *word)
{
	size_t i = 0;

	while (words[i] && strcasecmp(words[i], word))
		i++;
	return i;
}

static void begin(struct watch *w, const struct settings *s, const char *filter)
{
	show_init(&w->show, s->client.exact);
	w->last = place_in(watch_lasts, s->last);
	while (strcasecmp(watch_views[w->at.view].name, s->view))
		w->at.view++;
	if (filter)
		snprintf(w->at.filter, sizeof(w->at.filter), "%s", filter);
}

/* ---- without a screen ------------------------------------------------------------------------ */

static int print_once(struct watch *w, const struct settings *s)
{
	struct client_query q;
	json_t *root = NULL;
	int status;

	if (watch_question(w, &q))
		return EXIT_FAILED;
	q.filter = w->at.filter;
	status = client_get_json(&s->client, &q, &root);
	client_query_done(&q);
	if (status != COMMAND_GO_ON)
		return status;
	if (watch_take(w, root))
		return EXIT_FAILED;
	if (s->client.json)
		return EXIT_DONE;
	for (size_t i = 0; i < w->lines_len; i++)
		puts(w->lines[i]);
	if (!w->lines_len)
		puts("nothing in this time");
	return EXIT_DONE;
}

static int run_plain(struct watch *w, const struct settings *s, int signal_fd)
{
	struct pollfd stop = { .fd = signal_fd, .events = POLLIN };
	int status = EXIT_DONE;

	for (uint64_t n = 1; status == EXIT_DONE; n++) {
		status = print_once(w, s);
		if (n == s->count || fflush(stdout))
			break;
		if (status == EXIT_DONE && poll(&stop, 1, (int)(s->interval_us / 1000)) > 0)
			break;
		if (status == EXIT_DONE && !s->client.json)
			putchar('\n');
	}
	return status;
}

/* ---- on a screen ----------------------------------------------------------------------------- */

static int ask_now(struct watch *w, struct watch_asker *a)
{
	struct client_query *q = malloc(sizeof(*q));
	int err = q ? watch_question(w, q) : -ENOMEM;

	if (err) {
		free(q);
		return err;
	}
	w->is_asking = true;
	watch_asker_ask(a, q);
	return 0;
}

/* A failed question leaves what is there. */
static void take_answer(struct watch *w, struct watch_asker *a)
{
	struct client_error error;
	json_t *root = NULL;

	if (!watch_asker_answer(a, &root, &error))
		return;
	w->is_asking = false;
	w->error = error;
	if (root)
		watch_take(w, root);
}

/* SIGWINCH is a new size; all others end it. */
static void take_signal(struct watch *w, int signal_fd)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		watch_screen_resize();
	else
		w->is_done = true;
}

static bool take_keys(struct watch *w)
{
	bool asks = false;
	int key;

	while ((key = getch()) != ERR)
		asks |= watch_key(w, key);
	return asks;
}

static int run_screen(struct watch *w, const struct settings *s, int signal_fd)
{
	AUTO(watch_asker_stop) struct watch_asker *a = NULL;
	int err = watch_asker_start(&s->client, &a);
	int64_t next_ns = 0;
	bool asks = true;

	if (err) {
		command_error("watch: %s", strerror(-err));
		return EXIT_FAILED;
	}
	watch_screen_begin();
	while (!w->is_done && !err) {
		struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
					{ .fd = signal_fd, .events = POLLIN },
					{ .fd = watch_asker_fd(a), .events = POLLIN } };
		int64_t left_ns;

		if (asks || (!w->is_paused && !w->is_asking && monotonic_ns() >= next_ns)) {
			err = ask_now(w, a);
			next_ns = monotonic_ns() + s->interval_us * 1000;
		}
		watch_screen_draw(w, client_url(&s->client));
		left_ns = next_ns - monotonic_ns();
		poll(fds, ARRAY_LEN(fds),
		     w->is_paused || w->is_asking ? -1
		     : left_ns < 0		  ? 0
						  : (int)(left_ns / 1000000) + 1);
		if (fds[2].revents)
			take_answer(w, a);
		if (fds[1].revents)
			take_signal(w, signal_fd);
		asks = fds[0].revents & POLLIN && take_keys(w);
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) /* the terminal is gone */
			w->is_done = true;
	}
	watch_screen_end();
	return err ? EXIT_FAILED : EXIT_DONE;
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool has_screen(void)
{
	const char *term = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
	       strcmp(term, "dumb");
}

int cmd_watch(int argc, char **argv)
{
	struct settings s = { 0 };
	struct watch w = { .error = { .position = -1 } };
	AUTO_FREE char *filter = NULL;
	AUTO_FD int signal_fd = -1;
	int rest, status = command_options(&text, rows, ARRAY_LEN(rows), &s, &s.client.help, argc,
					   argv, &rest);

	if (status != COMMAND_GO_ON)
		return status;
	filter = show_join(argc - rest, argv + rest);
	if (filter && strlen(filter) >= WATCH_FILTER_MAX) {
		command_error("the filter is longer than %d characters", WATCH_FILTER_MAX - 1);
		return EXIT_USAGE;
	}
	begin(&w, &s, filter);
	signal_fd = block_signals();
	status = has_screen() && !s.client.json ? run_screen(&w, &s, signal_fd)
						: run_plain(&w, &s, signal_fd);
	watch_done(&w);
	return status;
}
