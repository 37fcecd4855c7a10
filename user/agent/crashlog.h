/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What is lost when an agent without pins is killed: its tables end with it. A small mapped file
 * in the run directory holds, per observation point, what was seen and what of it the collector
 * has acknowledged (or the ledger has named). The next start reports the difference as
 * lost/agent_crash. A clean stop removes the file.
 *
 * Accurate to the shipper's last look at the ledgers (SHIPPER_POLL_IDLE_MS): what came after it,
 * nobody saw.
 */
#ifndef WT_CRASHLOG_H
#define WT_CRASHLOG_H

#include "user/agent/iface.h"
#include "user/agent/spool.h"
#include "user/agent/tables.h"

#define CRASHLOG_MAGIC 0x57544352u /* "WTCR" */

struct crashlog_point {
	uint32_t ifindex;
	uint32_t netns;
	uint32_t point;
	uint32_t pad;
	struct wt_count closed; /* seen in intervals that were closed */
	struct wt_count open; /* seen since, at the last look */
	struct wt_count settled; /* acknowledged as rows, or named in an acknowledged ledger */
};

struct crashlog {
	uint32_t magic;
	uint32_t abi;
	uint32_t size;
	uint32_t pad;
	uint8_t boot_id[16];
	struct crashlog_point points[STATE_POINTS]; /* [slot * WT_POINTS + point] */
};

/* Maps RUN_DIR/agent.crash, new and empty, and unlinks nothing. 0 or -errno. */
int crashlog_open(const char *run_dir, struct crashlog **ret);
void crashlog_close(struct crashlog *c);

/*
 * What a killed agent left: adds its losses to the state's carried ledgers, once; then the file is
 * gone. Returns the number of packets lost. boot_id tells another boot's interfaces apart.
 */
uint64_t crashlog_report(const char *run_dir, struct state *state);
void crashlog_remove(const char *run_dir);

/* Drain thread: what the open halves have seen now; and that an interval's ledger was closed. */
void crashlog_look(struct crashlog *c, const struct tables *t, const struct iface_list *ifaces);
void crashlog_closed(struct crashlog *c, const struct agent_ledger *ledger, uint32_t slot);

/* Ship thread: this batch is at the collector. */
void crashlog_settled(struct crashlog *c, const struct spool_entry *e);

#endif
