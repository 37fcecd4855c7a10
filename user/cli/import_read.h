/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * One capture file: every packet into a row of flows or under a named refusal, and the sums that
 * prove it.
 */
#ifndef WT_IMPORT_READ_H
#define WT_IMPORT_READ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "user/wire/flow.h"
#include "user/wire/flowtable.h"
#include "user/wire/packet.h"

#define IMPORT_INTERFACES_MAX 64 /* told apart; packets of more go under the last one's id */
#define IMPORT_FLOWS_MAX 65536 /* in memory: beyond it rows leave as partial rows */
#define IMPORT_POINTS 2 /* ingress and inner ingress */

struct import_count {
	uint64_t packets;
	uint64_t octets;
};

/* seen = recorded + Σ refused, per interface and point. */
struct import_point {
	struct import_count seen;
	struct import_count recorded;
	struct import_count refused[PACKET_REFUSALS_MAX];
};

struct import_tally {
	struct import_point points[IMPORT_INTERFACES_MAX][IMPORT_POINTS];
	uint64_t rows; /* of flows, as they left */
	int64_t first_us;
	int64_t last_us;
};

/* What a file is read with, and where its rows go. */
struct import_source {
	const char *path; /* "-" is stdin */
	bool want_inner;
	bool show_progress; /* on stderr */
	flowtable_sink *sink;
	void *context;
};

/*
 * Reads all of it. 0, or -errno when the file is no capture file, is cut or damaged, or the sink
 * failed; has logged why. *tally holds what was read until then.
 */
int import_read(const struct import_source *source, struct import_tally *tally);

/* The sum over all interfaces of one point. */
void import_tally_sum(const struct import_tally *tally, int point, struct import_point *ret);

/*
 * The tally as ledger rows of interval 1, in *ret (malloc'd): one per interface and point that saw
 * packets. How many, or -ENOMEM.
 */
int import_tally_ledger(const struct import_tally *tally, struct ledger_row **ret);

#endif
