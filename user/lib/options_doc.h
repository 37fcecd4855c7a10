/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Man pages and shell completion from option rows. A program asked with --doc=KIND alone prints
 * what it is asked for; `make install` does.
 */
#ifndef WT_OPTIONS_DOC_H
#define WT_OPTIONS_DOC_H

#include <stdio.h>

#include "user/lib/options.h"

enum options_doc_kind {
	OPTIONS_DOC_NONE,
	OPTIONS_DOC_MAN, /* a man page */
	OPTIONS_DOC_SECTION, /* a command's part of one */
	OPTIONS_DOC_WORDS, /* "--listen --data …", for completion */
	OPTIONS_DOC_COMPLETION, /* a script for bash */
};

struct options_doc {
	const char *name; /* "wiretally-collector" */
	int section; /* of the manual */
	const char *summary; /* "stores what agents ship" */
	const char *usage; /* behind the name: "[OPTION]…" */
	const char *about; /* some sentences, or NULL */
	const char *examples; /* lines, or NULL */
	const struct option_row *rows;
	size_t len;
};

/* What argv asks for. */
enum options_doc_kind options_doc_asked(int argc, char **argv);
void options_doc_print(const struct options_doc *doc, enum options_doc_kind kind, FILE *out);

/* Text with what troff would take for its own made harmless. */
void options_doc_text(const char *text, FILE *out);

#endif
