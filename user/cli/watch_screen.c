// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The state as a screen of ncurses; nothing is decided here. */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "user/cli/watch.h"
#include "user/lib/printable.h"

#define LINE_MAX_CHARS 2048
#define LINES_AROUND 4 /* tabs, question, titles; keys */
#define PAIR_BAD 1
#define ESCAPE_MS 25 /* after which an escape is one, and no key's beginning */

void watch_screen_begin(void)
{
	initscr();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	if (has_colors() && !(getenv("NO_COLOR") && *getenv("NO_COLOR"))) {
		start_color();
		use_default_colors();
		init_pair(PAIR_BAD, COLOR_RED, -1);
	}
}

void watch_screen_end(void)
{
	endwin();
}

void watch_screen_resize(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

/* Text of any origin at a place, cut at the edge; the rest of the line becomes blank. */
static void put(int y, int x, size_t from, const char *text)
{
	static wchar_t wide[LINE_MAX_CHARS];
	static char narrow[LINE_MAX_CHARS];
	size_t len;

	if (y < 0 || y >= LINES || x >= COLS)
		return;
	snprintf(narrow, sizeof(narrow), "%s", text);
	len = mbstowcs(wide, printable(narrow), LINE_MAX_CHARS - 1);
	if (len == (size_t)-1) { /* no UTF-8: byte by byte */
		for (len = 0; narrow[len]; len++)
			wide[len] = (unsigned char)narrow[len] < 0x80 ? (wchar_t)narrow[len] : L'?';
	}
	move(y, x);
	clrtoeol();
	if (from < len)
		addnwstr(wide + from, (int)(len - from) < COLS - x ? (int)(len - from) : COLS - x);
}

static void draw_tabs(const struct watch *w, const char *url)
{
	char text[256];
	int x = 0;

	put(0, 0, 0, "");
	for (int i = 0; i < WATCH_TABS; i++) {
		bool is_it = w->at.view == (enum watch_view_id)i;

		snprintf(text, sizeof(text), " %d %s ", i + 1, watch_views[i].name);
		attrset(is_it ? A_REVERSE : A_NORMAL);
		put(0, x, 0, text);
		x += (int)strlen(text);
	}
	attrset(A_NORMAL);
	snprintf(text, sizeof(text), "  %s%s", url,
		 w->is_paused	? "  paused"
		 : w->is_asking ? "  …"
				: "");
	put(0, x, 0, text);
}

/* What is asked, or what is wrong with it. */
static void draw_question(const struct watch *w)
{
	const struct watch_view *v = &watch_views[w->at.view];
	const char *order = v->orders[0] ? v->orders[w->orders[w->at.view]] : NULL;
	char text[WATCH_FILTER_MAX + 128];

	if (*w->error.message) {
		attrset(COLOR_PAIR(PAIR_BAD) | A_BOLD);
		snprintf(text, sizeof(text), "%s", w->error.message);
		if (w->error.position >= 0)
			snprintf(text, sizeof(text), "at character %ld of the filter: %s",
				 w->error.position + 1, w->error.message);
		put(1, 0, 0, text);
		attrset(A_NORMAL);
		return;
	}
	snprintf(text, sizeof(text), "%s, %s%s%s%s%s%s", v->name,
		 strcmp(watch_lasts[w->last], "all") ? "last " : "", watch_lasts[w->last],
		 order ? ", by " : "", order ? order : "", *w->at.filter ? ": " : "", w->at.filter);
	put(1, 0, 0, text);
}

static void draw_rows(struct watch *w)
{
	size_t rows = watch_rows(w);

	w->page = LINES > LINES_AROUND ? (size_t)(LINES - LINES_AROUND) : 1;
	if (w->at.selected >= rows)
		w->at.selected = rows ? rows - 1 : 0;
	if (w->at.selected < w->top)
		w->top = w->at.selected;
	if (w->at.selected >= w->top + w->page)
		w->top = w->at.selected - w->page + 1;
	attrset(A_BOLD);
	put(2, 0, w->left, rows && w->shown == w->at.view ? w->lines[0] : "");
	attrset(A_NORMAL);
	for (size_t i = 0; i < w->page; i++) {
		size_t row = w->top + i;
		bool is_there = row < rows && w->shown == w->at.view;

		attrset(is_there && row == w->at.selected ? A_REVERSE : A_NORMAL);
		put(3 + (int)i, 0, w->left, is_there ? w->lines[row + 1] : "");
	}
	attrset(A_NORMAL);
	if (!rows && w->root && w->shown == w->at.view)
		put(3, 0, 0, "nothing in this time");
}

static void draw_keys(const struct watch *w)
{
	char text[WATCH_FILTER_MAX + 16];

	if (w->is_editing) {
		snprintf(text, sizeof(text), "/%s", w->edit);
		put(LINES - 1, 0, 0, text);
		curs_set(1);
		return;
	}
	curs_set(0);
	snprintf(text, sizeof(text),
		 "%s%zu of %zu   Enter drill down  Esc back  / filter  s sort  "
		 "t time  p pause  ? help  q quit",
		 w->back_len ? "« " : "", watch_rows(w) ? w->at.selected + 1 : 0, watch_rows(w));
	put(LINES - 1, 0, 0, text);
}

static const char *const help[] = {
	"1 … 5, Tab    talkers, conversations, processes, TCP, drops",
	"↑ ↓ j k       choose a row; PgUp PgDn Home End",
	"← →           the rest of long lines",
	"Enter         what is behind the row: conversations, ports, flow records, connections",
	"Esc           back",
	"/             write a filter, in nfdump's words: dst port 443 and not net 10.0.0.0/8",
	"s             sort by something else",
	"t T           look back longer, shorter",
	"p, space      pause, and go on",
	"r             ask now",
	"x             exact numbers",
	"q             quit",
	"",
	"any key: back to the screen",
};

static void draw_help(void)
{
	erase();
	for (size_t i = 0; i < ARRAY_LEN(help); i++)
		put((int)i + 1, 2, 0, help[i]);
}

void watch_screen_draw(struct watch *w, const char *url)
{
	if (w->shows_help) {
		draw_help();
	} else {
		draw_tabs(w, url);
		draw_question(w);
		draw_rows(w);
		draw_keys(w);
		if (w->is_editing)
			move(LINES - 1,
			     (int)strlen(w->edit) + 1 < COLS ? (int)strlen(w->edit) + 1 : COLS - 1);
	}
	refresh();
}
