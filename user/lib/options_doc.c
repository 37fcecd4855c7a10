// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Option rows in, troff (man(7)) and bash out. */
#include "user/lib/options_doc.h"

#include <ctype.h>
#include <string.h>

enum options_doc_kind options_doc_asked(int argc, char **argv)
{
	static const struct {
		const char *arg;
		enum options_doc_kind kind;
	} kinds[] = {
		{ "--doc=man", OPTIONS_DOC_MAN },
		{ "--doc=section", OPTIONS_DOC_SECTION },
		{ "--doc=words", OPTIONS_DOC_WORDS },
		{ "--doc=completion", OPTIONS_DOC_COMPLETION },
	};

	for (size_t i = 0; argc == 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].arg))
			return kinds[i].kind;
	return OPTIONS_DOC_NONE;
}

/* Backslashes, hyphens that are to be copied, and dots and quotes that begin a line. */
void options_doc_text(const char *text, FILE *out)
{
	bool begins = true;

	for (; *text; text++) {
		if (begins && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
		begins = *text == '\n';
	}
}

static void print_option(const struct option_row *row, FILE *out)
{
	fputs(".TP\n.B ", out);
	if (row->letter)
		fprintf(out, "\\-%c, ", row->letter);
	fputs("\\-\\-", out);
	options_doc_text(row->name, out);
	if (row->type != OPTION_FLAG) {
		fputs(" \\fI", out);
		options_doc_text(row->choices ? row->choices : row->value, out);
		fputs("\\fR", out);
	}
	fputc('\n', out);
	options_doc_text(row->help, out);
	if (row->fallback && row->type != OPTION_FLAG) {
		fputs(" (default ", out);
		options_doc_text(row->fallback, out);
		fputc(')', out);
	}
	fputc('\n', out);
}

static void print_options(const struct options_doc *doc, FILE *out)
{
	for (size_t i = 0; i < doc->len; i++)
		print_option(&doc->rows[i], out);
}

static void print_examples(const struct options_doc *doc, FILE *out)
{
	if (!doc->examples)
		return;
	fputs(".PP\n.nf\n", out);
	options_doc_text(doc->examples, out);
	fputs(".fi\n", out);
}

static void print_about(const struct options_doc *doc, FILE *out)
{
	if (!doc->about)
		return;
	options_doc_text(doc->about, out);
	fputc('\n', out);
}

static void print_page(const struct options_doc *doc, FILE *out)
{
	fputs(".TH ", out);
	for (const char *c = doc->name; *c; c++)
		fputc(toupper((unsigned char)*c), out);
	fprintf(out, " %d \"\" \"wiretally " WT_VERSION "\"\n.SH NAME\n", doc->section);
	options_doc_text(doc->name, out);
	fputs(" \\- ", out);
	options_doc_text(doc->summary, out);
	fputs("\n.SH SYNOPSIS\n.B ", out);
	options_doc_text(doc->name, out);
	fputc('\n', out);
	options_doc_text(doc->usage, out);
	fputs("\n.SH DESCRIPTION\n", out);
	print_about(doc, out);
	if (doc->len)
		fputs(".SH OPTIONS\n", out);
	print_options(doc, out);
	print_examples(doc, out);
}

static void print_section(const struct options_doc *doc, FILE *out)
{
	fputs(".SS ", out);
	options_doc_text(doc->usage, out);
	fputc('\n', out);
	print_about(doc, out);
	print_options(doc, out);
	print_examples(doc, out);
}

static void print_words(const struct options_doc *doc, FILE *out)
{
	for (size_t i = 0; i < doc->len; i++)
		fprintf(out, "%s--%s", i ? " " : "", doc->rows[i].name);
}

/* Values where there is a choice, else options, else files. */
static void print_completion(const struct options_doc *doc, FILE *out)
{
	fprintf(out, "_%.*s_%s() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n\tcase $3 in\n",
		(int)strcspn(doc->name, "-"), doc->name,
		doc->name + strcspn(doc->name, "-") + (strchr(doc->name, '-') != NULL));
	for (size_t i = 0; i < doc->len; i++) {
		if (!doc->rows[i].choices)
			continue;
		fprintf(out, "\t--%s) COMPREPLY=($(compgen -W '", doc->rows[i].name);
		for (const char *c = doc->rows[i].choices; *c; c++)
			fputc(*c == '|' ? ' ' : *c, out);
		fputs("' -- \"$cur\")) && return ;;\n", out);
	}
	fputs("\tesac\n\tCOMPREPLY=($(compgen -W '", out);
	print_words(doc, out);
	fprintf(out, "' -- \"$cur\"))\n}\ncomplete -o default -F _%.*s_%s %s\n",
		(int)strcspn(doc->name, "-"), doc->name,
		doc->name + strcspn(doc->name, "-") + (strchr(doc->name, '-') != NULL), doc->name);
}

void options_doc_print(const struct options_doc *doc, enum options_doc_kind kind, FILE *out)
{
	if (kind == OPTIONS_DOC_MAN)
		print_page(doc, out);
	else if (kind == OPTIONS_DOC_SECTION)
		print_section(doc, out);
	else if (kind == OPTIONS_DOC_WORDS)
		print_words(doc, out);
	else if (kind == OPTIONS_DOC_COMPLETION)
		print_completion(doc, out);
}
