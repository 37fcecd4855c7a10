// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What an agent has: Parquet takes DuckDB, which is larger than all the rest. */
#include "user/sinks/sink_kinds.h"

#include "user/lib/cleanup.h"
#include "user/sinks/sink_kind.h"

static const struct sink_kind *const kinds[] = {
	&sink_ipfix_udp, &sink_ipfix_tcp, &sink_ipfix_tls, &sink_netflow9,
	&sink_file,	 &sink_kafka,	  &sink_otlp_http, &sink_otlp_https,
};

const struct sink_kinds sink_kinds_light = {
	kinds, ARRAY_LEN(kinds),
	"want ipfix://HOST:PORT, ipfix+tcp://, ipfix+tls://, netflow9://HOST:PORT, file:PATH, kafka://HOST:PORT/TOPIC or otlp+http://HOST:PORT; parquet:PATH is the collector's alone"
};
