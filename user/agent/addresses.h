/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* This host's own addresses, so that a collector can tell two reporting hosts' views apart. */
#ifndef WT_ADDRESSES_H
#define WT_ADDRESSES_H

#include <stddef.h>
#include <stdint.h>

/* Global and private addresses, 16 bytes each (v4-mapped); loopback and link-local left out.
 * Returns how many (at most BATCH_ADDRESSES_MAX), malloc'd into *ret; 0 with NULL on failure. */
size_t addresses_own(uint8_t (**ret)[16]);

#endif
