/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * One flow exporter as it is known here: an address, a protocol and an observation domain (v5:
 * engine, v9: source id, sFlow: sub-agent); its templates, sequence and sampling, and the rows
 * that wait to leave. One thread's own.
 *
 * The ledger's unit is the record: everything an exporter sent becomes one row, or is named.
 *   seen = recorded + Σ unparsed/<refusal>
 * A set or datagram that cannot be read at all counts as one. Outside the equation, because nobody
 * can know what was in it: "export/missing_records" (v5, IPFIX), "export/missing_datagrams" (v9,
 * sFlow), and "export/datagrams", "export/options", "export/out_of_order", "export/restarts".
 */
#ifndef WT_FLOW_SOURCE_H
#define WT_FLOW_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/exporters/record.h"
#include "user/exporters/sampling.h"
#include "user/exporters/template.h"
#include "user/wire/flow.h"
#include "user/wire/signal.h"

#define FLOW_SOURCE_ROWS_MAX 16384 /* waiting; then they have to leave */
#define FLOW_SOURCE_INTERFACES_MAX 1024 /* names */
#define FLOW_SOURCE_COUNTERS_MAX 4096 /* numbers of sFlow counter samples waiting */
#define FLOW_SOURCE_INTERFACE_COUNTERS 18 /* of an interface, as sFlow numbers them */
#define FLOW_SOURCE_NAME_MAX 64

/* Agents of the store that are flow exporters are called so, address behind it. */
#define FLOW_SOURCE_AGENT "exporter-"

enum export_protocol { EXPORT_NETFLOW5, EXPORT_NETFLOW9, EXPORT_IPFIX, EXPORT_SFLOW, EXPORTS };

/* "netflow5", "netflow9", "ipfix", "sflow" */
const char *export_protocol_name(enum export_protocol protocol);

struct flow_source_key {
	uint8_t address[16];
	uint32_t protocol; /* enum export_protocol */
	uint32_t domain;
	uint32_t port; /* IPFIX alone: RFC 7011 3.4, ids are a transport session's */
	uint32_t pad;
};

enum export_count {
	EXPORT_SEEN,
	EXPORT_RECORDED,
	EXPORT_DATAGRAMS,
	EXPORT_OPTIONS,
	EXPORT_MISSING_RECORDS,
	EXPORT_MISSING_DATAGRAMS,
	EXPORT_OUT_OF_ORDER,
	EXPORT_RESTARTS,
	EXPORT_COUNTS,
};

/* The ledger's name of a count; static. */
const char *export_count_name(enum export_count count);

/* Where an interface's counters were, to know what they gained. */
struct interface_counters {
	uint32_t ifindex;
	uint64_t at[FLOW_SOURCE_INTERFACE_COUNTERS];
};

struct flow_source {
	struct flow_source_key key;
	int64_t last_us; /* something arrived */
	struct templates templates;
	struct sampling sampling;
	uint64_t init_ms;
	uint32_t expected; /* sequence */
	bool has_expected;
	uint64_t ingress_seen[64]; /* bit ifindex % 4096: it reports what arrives there */
	struct interface_counters *counted;
	size_t counted_len;
	/* since the last flow_source_clear() */
	int64_t first_us;
	struct flow *rows;
	size_t rows_len, rows_max;
	size_t rows_counted; /* of these, who gathers them all knows of; 0 at first */
	struct watched_interface *interfaces; /* all that are known */
	size_t interfaces_len;
	bool interfaces_are_new;
	struct host_count *counters;
	size_t counters_len;
	uint64_t counts[EXPORT_COUNTS];
	uint64_t refused[REFUSALS];
	bool has_news; /* any of these */
};

struct flow_source *flow_source_new(const struct flow_source_key *key);
void flow_source_free(struct flow_source *s);

/* Its sequence is `sequence`, and the next one will be `next`. unit: what is missing in between. */
void flow_source_sequence(struct flow_source *s, uint32_t sequence, uint32_t next,
			  enum export_count unit);

/* A record that is refused, or a set or datagram in its place. */
void flow_source_refuse(struct flow_source *s, enum refusal why);

/* Adds the rows of a record, or counts why there are none. 0 or -ENOMEM. */
int flow_source_record(struct flow_source *s, const struct record_values *r,
		       const struct record_time *time);
/* Adds one row. */
int flow_source_row(struct flow_source *s, const struct flow *row);

/* An options record: sampling, names of interfaces, when the exporter was started. */
int flow_source_options(struct flow_source *s, const struct record_values *r);

/* NULL: there is no room for another interface. *is_first: nothing is known yet. */
uint64_t *flow_source_counters_of(struct flow_source *s, uint32_t ifindex, bool *is_first);
/* What a number of the exporter's own has gained; with the limit reached it is left out. */
int flow_source_counter(struct flow_source *s, const char *name, uint64_t value);

/* Rows and counts have left (rows were taken over). */
void flow_source_clear(struct flow_source *s);

#endif
