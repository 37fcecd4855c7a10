/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Which flows a flood consists of. Deterministic: the same numbers, the same flows. */
#ifndef WT_TEST_TUPLES_H
#define WT_TEST_TUPLES_H

#include <stdint.h>

#include "tests/tools/flood.h"

#define TUPLES_FLOWS_MAX (1u << 22)
#define TUPLES_COLLIDE_MAX (1u << 16) /* the search for deltas takes seconds at this */
#define TUPLES_FAMILIES 20 /* of differences that cancel out under some hash */
#define TUPLES_ELEPHANTS_MAX 1024

/* Fills flows[count] with unrelated flows: addresses and ports differ as those of clients do. */
void tuples_plain(struct flood_tuple *flows, uint32_t count);
/*
 * Fills flows[count] with flows whose differences cancel out under hashes without a secret: of
 * one family, 1 to TUPLES_FAMILIES, or of all in turn (0).
 */
void tuples_collide(struct flood_tuple *flows, uint32_t count, uint32_t family);
/* Fills flows[count] with the known elephants: 10.9.x.y:50000+i -> 10.2.0.9:5001. */
void tuples_elephants(struct flood_tuple *flows, uint32_t count);
/* Draws count indexes below flows, the k-th with a probability like 1/(k+1). */
void tuples_zipf(uint64_t *samples, uint32_t count, uint32_t flows, uint64_t seed);

#endif
