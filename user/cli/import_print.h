/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Imported rows and ledgers as JSON lines on stdout, by the names of the schema. */
#ifndef WT_IMPORT_PRINT_H
#define WT_IMPORT_PRINT_H

#include <stddef.h>

#include "user/wire/flow.h"

/* A flowtable_sink; context is the exporter's name. */
int import_print_rows(void *context, const struct flow *rows, size_t len);

/* One line per observation point: {"exporter":…,"ledger":{"interface":0,"point":0,"counts":{…}}} */
int import_print_ledger(const char *exporter, const struct ledger_row *ledger, size_t len);

#endif
