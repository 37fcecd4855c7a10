/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The ledger of an interval: the per-CPU rows of the idle half become one row per observation
 * point, with `recorded` from what was really taken out (docs/ledger.md).
 */
#ifndef WT_LEDGER_H
#define WT_LEDGER_H

#include <stdint.h>

#include "user/agent/tables.h"

struct drain;

/* Ships the idle half's folds and ledgers, and carried ones, as the interval's last batches. */
int ledger_close(struct drain *d, uint32_t idle);
void ledger_zero(struct tables *t, uint32_t epoch);

#endif
