// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Words of a command line in, a question, its answer on stdout. */
#include "user/cli/ask.h"

#include <string.h>

#include "user/cli/follow.h"
#include "user/cli/show.h"

int ask_options(const struct ask *ask, void *settings, int argc, char **argv, char **ret_filter)
{
	struct ask_options *o = settings;
	int rest, status;

	status = command_options(ask->text, ask->rows, ask->rows_len, settings, &o->client.help,
				 argc, argv, &rest);
	if (status != COMMAND_GO_ON)
		return status;
	if (ask->no_filter && rest < argc) {
		command_error("%s: unexpected '%.60s'%s", argv[0], argv[rest], ask->no_filter);
		return EXIT_USAGE;
	}
	if (ask->check) {
		status = ask->check(settings);
		if (status != COMMAND_GO_ON)
			return status;
	}
	*ret_filter = show_join(argc - rest, argv + rest);
	return COMMAND_GO_ON;
}

int ask_query(const struct ask *ask, const void *settings, const char *filter,
	      struct client_query *q)
{
	const struct ask_options *o = settings;

	if (client_query_init(q, ask->path))
		return EXIT_FAILED;
	if (ask->add_args)
		ask->add_args(settings, q);
	client_query_arg(q, "format", o->client.csv ? "csv" : NULL);
	q->filter = filter;
	q->wants_fresh = !o->after || !strcmp(o->after, "now");
	client_query_arg(q, "filter", filter);
	if (o->after) {
		client_query_arg(q, "after", o->after);
		return COMMAND_GO_ON;
	}
	return client_query_range(q, &o->range);
}

int ask_run(const struct ask *ask, void *settings, int argc, char **argv)
{
	const struct ask_options *o = settings;
	AUTO(client_query_done) struct client_query q = { 0 };
	AUTO_FREE char *filter = NULL;
	AUTO_JSON json_t *root = NULL;
	struct show show;
	int status = ask_options(ask, settings, argc, argv, &filter);

	if (status == COMMAND_GO_ON && o->follow)
		return follow_run(ask, settings, filter);
	if (status == COMMAND_GO_ON)
		status = ask_query(ask, settings, filter, &q);
	if (status == COMMAND_GO_ON)
		status = client_get_json(&o->client, &q, &root);
	if (status != COMMAND_GO_ON)
		return status;
	show_init(&show, o->client.exact);
	status = o->client.json ? EXIT_DONE : ask->print(&show, settings, root);
	return status == EXIT_DONE && ask->judge ? ask->judge(root) : status;
}
