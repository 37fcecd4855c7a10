// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Options records in, sampling rates of flow records out. */
#include "user/exporters/sampling.h"

#define HAS(r, name) record_has(r, ELEMENT_##name)

static uint32_t to_rate(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* 0: the record does not say. RFC 5477 8.2: countable and random n-out-of-N sampling. */
static uint32_t rate_in(const struct record_values *r)
{
	const uint64_t *n = r->number;

	if (HAS(r, SAMPLING))
		return to_rate(n[ELEMENT_SAMPLING]);
	if (HAS(r, SAMPLED_PACKETS) && n[ELEMENT_SAMPLED_PACKETS] && HAS(r, SKIPPED_PACKETS) &&
	    n[ELEMENT_SKIPPED_PACKETS] < UINT64_C(1) << 40)
		return to_rate((n[ELEMENT_SAMPLED_PACKETS] + n[ELEMENT_SKIPPED_PACKETS]) /
			       n[ELEMENT_SAMPLED_PACKETS]);
	if (HAS(r, SAMPLED_PACKETS) && !HAS(r, SKIPPED_PACKETS)) /* as 1 of N it is often sent */
		return to_rate(n[ELEMENT_SAMPLED_PACKETS]);
	if (HAS(r, SAMPLE_SIZE) && n[ELEMENT_SAMPLE_SIZE] && HAS(r, SAMPLE_POPULATION))
		return to_rate(n[ELEMENT_SAMPLE_POPULATION] / n[ELEMENT_SAMPLE_SIZE]);
	return 0;
}

void sampling_learn(struct sampling *s, const struct record_values *options)
{
	uint32_t rate = rate_in(options);
	uint64_t id = options->number[ELEMENT_SAMPLER_ID];

	if (!rate)
		return;
	if (!HAS(options, SAMPLER_ID)) {
		s->common = rate;
		return;
	}
	for (uint32_t i = 0; i < s->samplers_len; i++) {
		if (s->samplers[i].id == id) {
			s->samplers[i].rate = rate;
			return;
		}
	}
	if (s->samplers_len == SAMPLERS_MAX)
		return;
	s->samplers[s->samplers_len].id = id;
	s->samplers[s->samplers_len++].rate = rate;
}

uint32_t sampling_of(const struct sampling *s, const struct record_values *record)
{
	uint32_t rate = rate_in(record);

	for (uint32_t i = 0; !rate && HAS(record, SAMPLER_ID) && i < s->samplers_len; i++)
		if (s->samplers[i].id == record->number[ELEMENT_SAMPLER_ID])
			rate = s->samplers[i].rate;
	/* sampler 0 of v9 means that the flow was not sampled */
	if (!rate && !(HAS(record, SAMPLER_ID) && !record->number[ELEMENT_SAMPLER_ID]))
		rate = s->common;
	return rate ? rate : 1;
}
