// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The state in, its question out; an answer in, lines out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/watch.h"
#include "user/lib/table.h"

int watch_question(const struct watch *w, struct client_query *q)
{
	const struct watch_view *v = &watch_views[w->at.view];
	int err = client_query_init(q, v->path);

	if (err)
		return err;
	client_query_arg(q, "last", watch_lasts[w->last]);
	client_query_arg(q, "by", v->by);
	client_query_number(q, v->has_keys ? "n" : "limit", WATCH_ROWS);
	client_query_arg(q, "order", v->orders[0] ? v->orders[w->orders[w->at.view]] : NULL);
	client_query_arg(q, "filter", w->at.filter);
	return 0;
}

static void forget_lines(struct watch *w)
{
	for (size_t i = 0; i < w->lines_len; i++)
		free(w->lines[i]);
	free(w->lines);
	w->lines = NULL;
	w->lines_len = 0;
}

void watch_done(struct watch *w)
{
	forget_lines(w);
	json_decref(w->root);
	w->root = NULL;
}

/* Rates of groups are over first_us to last_us: the cells look for a flow's names. */
static void name_times(json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (!json_object_get(row, "first_us"))
			return;
		json_object_set(row, "start_us", json_object_get(row, "first_us"));
		json_object_set(row, "end_us", json_object_get(row, "last_us"));
	}
}

static int split_lines(struct watch *w, const char *text, size_t len)
{
	size_t lines = 0, i = 0;

	for (const char *c = text; c < text + len; c++)
		lines += *c == '\n';
	w->lines = calloc(lines + 1, sizeof(*w->lines));
	if (!w->lines)
		return -ENOMEM;
	while (i < lines) {
		size_t n = strcspn(text, "\n");

		w->lines[i] = strndup(text, n);
		if (!w->lines[i])
			break;
		text += n + 1;
		w->lines_len = ++i;
	}
	return i == lines ? 0 : -ENOMEM;
}

int watch_take(struct watch *w, json_t *root)
{
	const struct watch_view *v = &watch_views[w->at.view];
	json_t *rows = json_object_get(root, "rows");
	AUTO(table_free) struct table *t = NULL;
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	FILE *out;
	int err;

	watch_done(w);
	w->root = root;
	w->shown = w->at.view;
	if (!json_array_size(rows))
		return 0;
	name_times(rows);
	t = columns_table(&w->show, rows, v->columns, v->columns_len, v->has_keys);
	out = t ? open_memstream(&text, &len) : NULL;
	if (!out)
		return -ENOMEM;
	err = table_print(t, out, false);
	if (fclose(out) || err)
		return -ENOMEM;
	return split_lines(w, text, len);
}
