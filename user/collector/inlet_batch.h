/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What a flow source has gathered, as a batch like those of agents. */
#ifndef WT_INLET_BATCH_H
#define WT_INLET_BATCH_H

#include <stdint.h>

#include "user/exporters/flow_source.h"

struct batch;

/*
 * Takes the source's rows over and clears it. Its agent is FLOW_SOURCE_AGENT and the address, its
 * exporter address, protocol and, if it is not 0, domain: "192.0.2.1/ipfix/17". sequence is its
 * interval, too.
 * 0 or -ENOMEM (then the source is as it was).
 */
int inlet_batch_new(struct flow_source *s, const uint8_t instance[16], uint64_t sequence,
		    struct batch **ret);

#endif
