/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Names of the running kernel's drop reasons (its BTF) and of the places that drop (kallsyms). */
#ifndef WT_DROP_NAMES_H
#define WT_DROP_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/cleanup.h"
#include "user/wire/signal.h"

struct drop_names;

/* Where a function lies: [start, end). */
struct drop_range {
	uint64_t start;
	uint64_t end;
};

/*
 * Read once, with privilege, before the shipper is forked; at most 9 MiB, fixed from then on.
 * 0 or -errno.
 */
int drop_names_read(struct drop_names **ret);
void drop_names_free(struct drop_names *n);
DEFINE_AUTO(drop_names_free, struct drop_names *);

/* "NO_SOCKET"; "" on a kernel without reasons; "REASON_123" for one without a name. */
void drop_names_reason(const struct drop_names *n, uint32_t reason, char *to, size_t size);
/* The other way round. False when this kernel has no such reason. */
bool drop_names_value(const struct drop_names *n, const char *name, uint32_t *value);

/* "tcp_v4_rcv+0x7b"; "" when addresses are hidden. */
void drop_names_location(const struct drop_names *n, uint64_t address, char *to, size_t size);
/* All functions of a name (static ones may be several). Returns how many, at most max. */
int drop_names_ranges(const struct drop_names *n, const char *name, struct drop_range *ranges,
		      int max);

#endif
