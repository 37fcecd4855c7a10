/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * `wiretally watch`: what its files share. A view is a row of watch_views; keys change the state
 * (watch_keys.c), a thread asks (watch_asker.c), the screen shows what is there (watch_screen.c).
 */
#ifndef WT_WATCH_H
#define WT_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "user/cli/client.h"
#include "user/cli/columns.h"
#include "user/cli/show.h"

#define WATCH_ROWS 200 /* asked for */
#define WATCH_FILTER_MAX 1024 /* with NUL */
#define WATCH_DEPTH 16 /* of drilling down */

/* ---- views ---- */

enum watch_view_id {
	WATCH_TALKERS,
	WATCH_CONVERSATIONS,
	WATCH_PROCESSES,
	WATCH_TCP,
	WATCH_DROPS,
	WATCH_TABS, /* what follows is only drilled down to */
	WATCH_PORTS = WATCH_TABS,
	WATCH_FLOWS,
	WATCH_CONNECTIONS,
	WATCH_DROP_FLOWS,
	WATCH_VIEWS,
};

struct watch_view {
	const char *name, *path, *by; /* by: NULL: none */
	const char *const *orders; /* up to NULL */
	const struct column *columns;
	size_t columns_len;
	bool has_keys;
	int into; /* the view behind Enter; -1: none */
	/* What of the filter's language takes the row; false: nothing does. */
	bool (*narrow)(const json_t *row, char *to, size_t size);
};
extern const struct watch_view watch_views[WATCH_VIEWS];
extern const char *const watch_lasts[]; /* times to look back, up to NULL */

/* ---- state ---- */

struct watch_place {
	enum watch_view_id view;
	char filter[WATCH_FILTER_MAX];
	size_t selected;
};

struct watch {
	struct show show;
	struct watch_place at;
	struct watch_place back[WATCH_DEPTH];
	size_t back_len;
	size_t orders[WATCH_VIEWS]; /* of each view the one in use */
	size_t last; /* of watch_lasts */
	size_t top, left; /* first row and column in sight */
	size_t page; /* rows in sight, as last drawn */
	bool is_paused, is_asking, shows_help, is_done;
	bool is_editing; /* the filter */
	char edit[WATCH_FILTER_MAX];
	/* the newest answer */
	json_t *root; /* NULL: none yet */
	enum watch_view_id shown; /* the view it is of */
	char **lines; /* titles first; NULL: no rows */
	size_t lines_len;
	struct client_error error; /* of the newest question; empty message: none */
};

/* The question that the state is. 0 or -ENOMEM. */
int watch_question(const struct watch *w, struct client_query *q);

/* A new answer's table as lines; takes root over. 0 or -ENOMEM. */
int watch_take(struct watch *w, json_t *root);
void watch_done(struct watch *w);

/* Rows there are below the titles. */
static inline size_t watch_rows(const struct watch *w)
{
	return w->lines_len ? w->lines_len - 1 : 0;
}

/* A key of ncurses. True: something else has to be asked now. */
bool watch_key(struct watch *w, int key);

/* ---- screen: ncurses between begin and end ---- */

void watch_screen_begin(void);
void watch_screen_end(void);
void watch_screen_resize(void);
void watch_screen_draw(struct watch *w, const char *url);

/* ---- asking, in a thread of its own ---- */

struct watch_asker;
/* options are copied; stop ends a question that is under way. 0 or -errno. */
int watch_asker_start(const struct client_options *options, struct watch_asker **ret);
void watch_asker_stop(struct watch_asker *a);
DEFINE_AUTO(watch_asker_stop, struct watch_asker *);
/* Readable when there is an answer. */
int watch_asker_fd(const struct watch_asker *a);
/* Takes q over, which is malloc'd; what was to be asked and is not yet is forgotten. */
void watch_asker_ask(struct watch_asker *a, struct client_query *q);
/* True: an answer to the newest question. root is the caller's, NULL with *error. */
bool watch_asker_answer(struct watch_asker *a, json_t **root, struct client_error *error);

#endif
