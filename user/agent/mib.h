/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Text of /proc/net in, the counters that we tell out. snmp and netstat are pairs of lines, names
 * then values, snmp6 is a name and a value a line; softnet_stat a line of hexadecimal words a CPU.
 * The text need not be well-formed: what cannot be read is left out.
 */
#ifndef WT_MIB_H
#define WT_MIB_H

#include <stddef.h>
#include <stdint.h>

/* Calls each(arg, name, value) for every counter of the text that has a name of ours. */
typedef void mib_fn(void *arg, const char *name, uint64_t value);
void mib_parse_pairs(const char *text, mib_fn *each, void *arg);
void mib_parse_lines(const char *text, mib_fn *each, void *arg);

struct softnet {
	uint32_t cpu;
	uint32_t dropped;
	uint32_t time_squeeze;
};

/* At most max CPUs; how many. */
size_t softnet_parse(const char *text, struct softnet *to, size_t max);

#endif
