// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Cells in, aligned lines out. */
#include "user/lib/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/printable.h"

struct table {
	size_t columns, titles;
	struct {
		char *title;
		bool right;
	} column[TABLE_COLUMNS_MAX];
	char **cells;
	size_t len, size;
	bool failed; /* a malloc did */
};

struct table *table_new(size_t columns)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t)
		t->columns = columns;
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->titles; i++)
		free(t->column[i].title);
	for (size_t i = 0; i < t->len; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

static char *copy_printable(const char *text)
{
	return printable(strdup(text ? text : ""));
}

/* Characters, not bytes. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

void table_column(struct table *t, const char *title, bool right)
{
	if (t->titles == t->columns)
		return;
	t->column[t->titles].right = right;
	t->column[t->titles].title = copy_printable(title);
	t->failed |= !t->column[t->titles].title;
	t->titles++;
}

void table_cell(struct table *t, const char *text)
{
	if (t->len == t->size) {
		size_t size = t->size ? 2 * t->size : 64;
		char **cells = reallocarray(t->cells, size, sizeof(*cells));

		if (!cells) {
			t->failed = true;
			return;
		}
		t->cells = cells;
		t->size = size;
	}
	t->cells[t->len] = copy_printable(text);
	if (t->cells[t->len])
		t->len++;
	else
		t->failed = true;
}

static void print_cell(const char *text, size_t width, bool right, bool last, FILE *out)
{
	size_t pad = width - text_width(text);

	if (right)
		fprintf(out, "%*s%s", (int)pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : (int)pad, "");
	fputs(last ? "\n" : "  ", out);
}

static void print_titles(const struct table *t, const size_t *widths, FILE *out, bool colour)
{
	bool any = false;

	for (size_t c = 0; c < t->titles; c++)
		any |= *t->column[c].title != '\0';
	if (!any)
		return;
	if (colour)
		fputs("\033[1m", out);
	for (size_t c = 0; c < t->columns; c++)
		print_cell(c < t->titles ? t->column[c].title : "", widths[c], t->column[c].right,
			   c + 1 == t->columns, out);
	if (colour)
		fputs("\033[0m", out);
}

int table_print(const struct table *t, FILE *out, bool colour)
{
	struct table_layout layout = { 0 };

	return table_print_on(t, out, colour, &layout);
}

static void widen(size_t *width, const char *text)
{
	if (text_width(text) > *width)
		*width = text_width(text);
}

int table_print_on(const struct table *t, FILE *out, bool colour, struct table_layout *layout)
{
	size_t *widths = layout->widths;

	if (t->failed)
		return -ENOMEM;
	for (size_t c = 0; c < t->titles; c++)
		widen(&widths[c], t->column[c].title);
	for (size_t i = 0; i < t->len; i++)
		widen(&widths[i % t->columns], t->cells[i]);
	if (!layout->has_titles)
		print_titles(t, widths, out, colour);
	layout->has_titles = true;
	for (size_t i = 0; i < t->len; i++) {
		size_t c = i % t->columns;

		print_cell(t->cells[i], widths[c], t->column[c].right, c + 1 == t->columns, out);
	}
	return 0;
}
