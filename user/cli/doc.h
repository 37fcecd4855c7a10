/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The man page and the completion of `wiretally`, put together from its commands' own. */
#ifndef WT_DOC_H
#define WT_DOC_H

#include "user/lib/options_doc.h"

/* `wiretally completion`: the script for bash, on stdout. */
int cmd_completion(int argc, char **argv);

/* `wiretally --doc=KIND` */
void doc_print(enum options_doc_kind kind);

#endif
