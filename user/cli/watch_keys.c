// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Keys in, another state out. */
#include <curses.h>
#include <stdio.h>
#include <string.h>

#include "user/cli/watch.h"

#define KEY_ESCAPE 27
#define COLUMNS_STEP 8

static bool enter(struct watch *w, enum watch_view_id view, const char *filter)
{
	if (w->back_len == WATCH_DEPTH)
		return false;
	w->back[w->back_len++] = w->at;
	w->at.view = view;
	w->at.selected = 0;
	w->top = w->left = 0;
	snprintf(w->at.filter, sizeof(w->at.filter), "%s", filter);
	return true;
}

/* The row's own words are added to the filter. Of drops, only drops' words are known. */
static bool drill(struct watch *w)
{
	const struct watch_view *v = &watch_views[w->at.view];
	json_t *row = json_array_get(json_object_get(w->root, "rows"), w->at.selected);
	char narrow[WATCH_FILTER_MAX], filter[2 * WATCH_FILTER_MAX + 16];

	if (!row || v->into < 0 || w->shown != w->at.view ||
	    !v->narrow(row, narrow, sizeof(narrow)))
		return false;
	if (*w->at.filter)
		snprintf(filter, sizeof(filter), "(%s) and %s", w->at.filter, narrow);
	else
		snprintf(filter, sizeof(filter), "%s", narrow);
	if (strlen(filter) >= WATCH_FILTER_MAX)
		return false;
	return enter(w, v->into, filter);
}

static bool go_back(struct watch *w)
{
	if (!w->back_len)
		return false;
	w->at = w->back[--w->back_len];
	w->top = w->left = 0;
	return true;
}

static bool go_to(struct watch *w, enum watch_view_id view)
{
	char filter[WATCH_FILTER_MAX];

	/* what was drilled into stays behind; what was written stays */
	snprintf(filter, sizeof(filter), "%s", w->back_len ? w->back[0].filter : w->at.filter);
	w->back_len = 0;
	w->at = (struct watch_place){ .view = view };
	w->top = w->left = 0;
	snprintf(w->at.filter, sizeof(w->at.filter), "%s", filter);
	return true;
}

static void move_by(struct watch *w, long rows)
{
	long to = (long)w->at.selected + rows, last = (long)watch_rows(w) - 1;

	to = to > last ? last : to;
	w->at.selected = to < 0 ? 0 : (size_t)to;
}

static bool move_key(struct watch *w, int key)
{
	switch (key) {
	case KEY_UP:
	case 'k':
		move_by(w, -1);
		return true;
	case KEY_DOWN:
	case 'j':
		move_by(w, 1);
		return true;
	case KEY_PPAGE:
		move_by(w, -(long)w->page);
		return true;
	case KEY_NPAGE:
		move_by(w, (long)w->page);
		return true;
	case KEY_HOME:
	case 'g':
		w->at.selected = 0;
		return true;
	case KEY_END:
	case 'G':
		move_by(w, WATCH_ROWS);
		return true;
	case KEY_LEFT:
	case 'h':
		w->left -= w->left < COLUMNS_STEP ? w->left : COLUMNS_STEP;
		return true;
	case KEY_RIGHT:
	case 'l':
		w->left += COLUMNS_STEP;
		return true;
	}
	return false;
}

static bool next_order(struct watch *w)
{
	const char *const *orders = watch_views[w->at.view].orders;
	size_t *at = &w->orders[w->at.view];

	if (!orders[0])
		return false;
	*at = orders[*at + 1] ? *at + 1 : 0;
	return true;
}

static bool next_last(struct watch *w, int by)
{
	if (by > 0 && watch_lasts[w->last + 1])
		w->last++;
	else if (by < 0 && w->last)
		w->last--;
	else
		return false;
	return true;
}

/* Keys while the filter is written; what is no text ends it. */
static bool edit_key(struct watch *w, int key)
{
	size_t len = strlen(w->edit);

	if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		/* a whole character of UTF-8 */
		while (len && (w->edit[len - 1] & 0xc0) == 0x80)
			len--;
		w->edit[len ? len - 1 : 0] = '\0';
	} else if (key == ('u' & 0x1f)) {
		w->edit[0] = '\0';
	} else if (key == KEY_ESCAPE) {
		w->is_editing = false;
	} else if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		w->is_editing = false;
		snprintf(w->at.filter, sizeof(w->at.filter), "%s", w->edit);
		w->at.selected = 0;
		return true;
	} else if (key >= ' ' && key <= 0xff && len + 1 < sizeof(w->edit)) {
		w->edit[len] = (char)key;
		w->edit[len + 1] = '\0';
	}
	return false;
}

bool watch_key(struct watch *w, int key)
{
	if (w->is_editing)
		return edit_key(w, key);
	if (w->shows_help) { /* any key */
		w->shows_help = false;
		return false;
	}
	if (key >= '1' && key < '1' + WATCH_TABS)
		return go_to(w, (enum watch_view_id)(key - '1'));
	if (move_key(w, key))
		return false;
	switch (key) {
	case '\t':
		return go_to(w, w->at.view < WATCH_TABS ? (w->at.view + 1) % WATCH_TABS : 0);
	case '\n':
	case '\r':
	case KEY_ENTER:
		return drill(w);
	case KEY_ESCAPE:
	case KEY_BACKSPACE:
	case 127:
	case '\b':
		return go_back(w);
	case 's':
		return next_order(w);
	case 't':
		return next_last(w, 1);
	case 'T':
		return next_last(w, -1);
	case 'r':
		return true;
	case 'p':
	case ' ':
		w->is_paused = !w->is_paused;
		return !w->is_paused;
	case 'x':
		w->show.is_human = !w->show.is_human;
		return true;
	case '/':
		w->is_editing = true;
		snprintf(w->edit, sizeof(w->edit), "%s", w->at.filter);
		return false;
	case '?':
		w->shows_help = true;
		return false;
	case 'q':
		w->is_done = true;
		return false;
	}
	return false;
}
