/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* How an exporter samples: what its options records say, by the id its flow records name. */
#ifndef WT_SAMPLING_H
#define WT_SAMPLING_H

#include <stdint.h>

#include "user/exporters/element.h"

#define SAMPLERS_MAX 64 /* ids of one exporter; of more, the first stay */

struct sampling {
	uint32_t common; /* 1 of N, of records that name no id; 0: not said */
	struct {
		uint64_t id;
		uint32_t rate;
	} samplers[SAMPLERS_MAX];
	uint32_t samplers_len;
};

/* An options record: what it says of sampling is remembered. */
void sampling_learn(struct sampling *s, const struct record_values *options);

/* 1 of N for a flow record; at least 1. */
uint32_t sampling_of(const struct sampling *s, const struct record_values *record);

#endif
