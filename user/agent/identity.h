/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Who ships: agent id, host name, boot id. */
#ifndef WT_IDENTITY_H
#define WT_IDENTITY_H

#include <stdint.h>

#include "user/agent/record.h"

/* agent_id NULL: the machine id, else the host name. */
void identity_fill(const char *agent_id, const uint8_t instance[16], struct record_source *ret);

/* This boot's id; zeros when unknown. */
void identity_boot_id(uint8_t ret[16]);

#endif
