// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally exporters`: /v1/exporters as a table. */
#include "user/cli/listing.h"
#include "user/cli/show.h"

struct settings {
	struct listing_options list;
};

static const struct option_row rows[] = {
	LISTING_NUMBER(struct settings, "1000"),
	RANGE_ROWS(struct settings, list.ask.range),
	CLIENT_CSV_ROW(struct settings, list.ask.client),
	CLIENT_ROWS(struct settings, list.ask.client),
};

static const struct column columns[] = {
	{ "ADDRESS", "address", CELL_TEXT },
	{ "PROTOCOL", "protocol", CELL_TEXT },
	{ "DOMAIN", "domain", CELL_COUNT },
	{ "DATAGRAMS", "datagrams", CELL_COUNT },
	{ "RECORDS", "records", CELL_COUNT },
	{ "REFUSED", "refused", CELL_COUNT },
	{ "MISSING RECORDS", "missing_records", CELL_COUNT },
	{ "MISSING DATAGRAMS", "missing_datagrams", CELL_COUNT },
	{ "LAST", "last_us", CELL_TIME },
};

static const struct listing exporters = {
	.text = { .usage = "wiretally exporters [OPTION]…",
		  .about =
			  "Shows routers and other flow exporters (NetFlow, IPFIX, sFlow) that the collector hears,\n"
			  "and what of theirs it could not read or never got. wiretally audit says why.",
		  .examples = "  wiretally exporters\n"
			      "  wiretally exporters --last 1d --csv\n" },
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/exporters",
	.none = "no flow exporter was heard; wiretally-collector --exporters ADDR:PORT listens",
	.columns = columns,
	.columns_len = ARRAY_LEN(columns),
};

int cmd_exporters(int argc, char **argv)
{
	struct settings s = { 0 };

	return listing_run(&exporters, &s, argc, argv);
}
