/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Batches of flow exporters into the pipeline, one after the other, again until it takes them. */
#ifndef WT_INLET_SHIP_H
#define WT_INLET_SHIP_H

#include <stdint.h>

struct batch;
struct committer;
struct inlet_ship;
struct pipeline;

/* Starts the thread. */
int inlet_ship_start(struct pipeline *p, const struct committer *c, struct inlet_ship **ret);

/* Takes the batch over. Waits while INLET_QUEUE_MAX wait already. */
void inlet_ship_give(struct inlet_ship *s, struct batch *batch, int64_t arrived_us);

/* INLET_STOP_MS from now, what cannot be stored at once is lost, and counted. */
void inlet_ship_hurry(struct inlet_ship *s);

/* Hurries, ends when the queue is empty, frees. NULL is fine. */
void inlet_ship_stop(struct inlet_ship *s);

#endif
