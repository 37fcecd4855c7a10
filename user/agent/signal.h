/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the loaders of TCP and drop programs are given, and what they can say of themselves. */
#ifndef WT_AGENT_SIGNAL_H
#define WT_AGENT_SIGNAL_H

#include <stdint.h>

/* --hooks: how programs are attached. All families give the same numbers. */
enum hook_family {
	HOOKS_AUTO,
	HOOKS_TRACEPOINT, /* tp_btf, raw tracepoints, syscall tracepoints */
	HOOKS_FENTRY,
	HOOKS_KPROBE,
	HOOK_FAMILIES,
};

/* Sizes, and what is shared with the flow tally. Descriptors and secret are borrowed. */
struct signal_options {
	enum hook_family family;
	uint32_t rows; /* CPUs with rows in the tallies */
	uint32_t cpus; /* possible CPUs: ledgers and heads */
	uint32_t sets; /* per row and epoch, two ways each; power of two */
	uint32_t lane_len; /* records per row; power of two */
	uint32_t latency_sets; /* of the latency tally, which is the TCP programs' too */
	uint32_t latency_lane_len;
	uint32_t connections; /* entries of the table of live connections */
	uint32_t netns; /* inode of the agent's network namespace */
	const uint64_t *secret; /* WT_KEY_WORDS + 1 words or more: NH key, multiplier last */
	uint32_t secret_words; /* NH key words at secret; the multiplier follows */
	int controls_fd; /* wt_controls of the flow object: the epoch */
	int ledgers_fd; /* wt_signal_ledgers: [cpu][epoch][enum wt_signal] */
};

/* One line of `wiretally status`: which hook serves a signal, and why. */
struct signal_choice {
	char signal[24]; /* "tcp state", "retransmits", "drops" */
	char hook[48]; /* "tp_btf/inet_sock_set_state"; "" = not observed */
	char why[96];
};
#define SIGNAL_CHOICES_MAX 16

/* The mmapable maps a loader made, in the order of the tally: table, lanes, heads. */
struct signal_maps {
	int table;
	int lanes;
	int heads;
};

#endif
