// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A listing's words in, its question, a table out. */
#include "user/cli/listing.h"

#include <stdio.h>

static void add_args(const void *settings, struct client_query *q)
{
	const struct listing_options *o = settings;
	const struct listing *l = o->listing;
	bool is_after = o->ask.after != NULL;

	client_query_arg(q, "by", o->by);
	client_query_number(q, l->is_paged ? "limit" : "n", is_after ? ASK_ROWS_MAX : o->rows);
	if (l->is_paged)
		client_query_number(q, "offset", is_after ? 0 : o->offset);
	/* of what is new, the newest first: rows that are cut off are old ones */
	client_query_arg(q, "order", is_after && o->order ? "start" : o->order);
	client_query_arg(q, "exporter", o->exporter);
	if (l->add_args)
		l->add_args(settings, q);
}

static int print(const struct show *show, const void *settings, const json_t *root)
{
	const struct listing *l = ((const struct listing_options *)settings)->listing;
	const json_t *list = json_object_get(root, "rows");
	int status;

	if (!json_array_size(list)) {
		puts(l->none);
		return EXIT_DONE;
	}
	status = columns_print(show, list, l->columns, l->columns_len, l->has_keys);
	if (l->print_below)
		l->print_below(show, root);
	return status;
}

int listing_run(const struct listing *listing, void *settings, int argc, char **argv)
{
	const struct ask ask = {
		.text = &listing->text,
		.rows = listing->rows,
		.rows_len = listing->rows_len,
		.path = listing->path,
		.follow = listing->follow,
		.add_args = add_args,
		.print = print,
	};

	((struct listing_options *)settings)->listing = listing;
	return ask_run(&ask, settings, argc, argv);
}
