// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Segments in, the SQL that reads them out. */
#include "user/collector/store_source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/store_files.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_packed.h"
#include "user/collector/store_scan.h"
#include "user/collector/store_segments.h"

#define HOURS_OF_DAY 24
#define AS_ONE_RECORD ", 1::UINTEGER AS records"

/* One subquery for each table, and one for all files that are read alike. */
struct source {
	FILE *out;
	const struct store_reader *reader;
	const char *separator;
	int64_t from_us, to_us;
	bool is_cut; /* rows that start outside of that time are left out */
};

static void begin_part(struct source *src)
{
	fputs(src->separator, src->out);
	src->separator = " UNION ALL BY NAME ";
}

static void add_table(struct source *src, const char *name, const char *more)
{
	begin_part(src);
	fprintf(src->out, "SELECT *%s FROM %s", more, name);
}

/* Whether no row of it can be outside of the time that is asked for. */
static bool is_within(const struct source *src, const struct store_segment *g)
{
	return g->min_start_us >= src->from_us && g->max_end_us < src->to_us;
}

static void add_cut(struct source *src, const char *word)
{
	if (src->from_us > INT64_MIN) {
		fprintf(src->out, " %s start_us >= %" PRId64, word, src->from_us);
		word = "AND";
	}
	if (src->to_us < INT64_MAX)
		fprintf(src->out, " %s start_us < %" PRId64, word, src->to_us);
}

/* What is not sealed. */
static void add_open(struct source *src, const struct store_segment *g, const char *more)
{
	begin_part(src);
	fprintf(src->out, "SELECT *%s FROM ", more);
	store_scan_source(g, 0, src->from_us, src->to_us, src->out);
	if (src->is_cut && !is_within(src, g))
		add_cut(src, "WHERE");
}

/* Files that are read alike. */
struct alike {
	enum store_series series;
	bool is_packed;
	bool is_within; /* the time */
};

static void begin_scan(struct source *src, const struct alike *a, const char *more)
{
	begin_part(src);
	fputs("SELECT ", src->out);
	if (a->is_packed)
		store_packed_read(src->out);
	else
		fputs("*", src->out);
	fprintf(src->out, "%s FROM read_parquet([", more);
}

/* Those files of `list` that are chosen and alike, as one scan. */
static void add_scan(struct source *src, const struct store_segments *list, const bool *chosen,
		     const struct alike *a, const char *more)
{
	unsigned int may_have = 0;
	bool any = false;

	for (size_t i = 0; i < list->len; i++) {
		const struct store_segment *g = &list->at[i];

		if (!chosen[i] || g->series != a->series || !g->file[0] ||
		    is_within(src, g) != a->is_within || store_segment_is_packed(g) != a->is_packed)
			continue;
		if (!any)
			begin_scan(src, a, more);
		fprintf(src->out, "%s'", any ? "," : "");
		store_write_path(store_of(src->reader), g->file, src->out);
		fputc('\'', src->out);
		any = true;
		may_have |= g->may_have;
	}
	if (!any)
		return;
	fputs(store_of(src->reader)->has_narrow && !a->is_packed ? "], union_by_name = true)"
								 : "])",
	      src->out);
	if (src->is_cut && !a->is_within && a->is_packed)
		store_packed_cut(src->from_us, src->to_us, may_have, src->out);
	else if (src->is_cut && !a->is_within)
		add_cut(src, "WHERE");
}

static void add_files(struct source *src, const struct store_segments *list, const bool *chosen,
		      enum store_series series, const char *more)
{
	for (int packed = 0; packed < (series == SERIES_FLOWS ? 2 : 1); packed++)
		for (int within = 0; within < 2; within++)
			add_scan(src, list, chosen, &(struct alike){ series, packed, within },
				 more);
}

static void add_tables(struct source *src, const struct store_segments *list, const bool *chosen,
		       enum store_series series, const char *more)
{
	for (size_t i = 0; i < list->len; i++)
		if (chosen[i] && list->at[i].series == series && !list->at[i].file[0])
			add_open(src, &list->at[i], more);
}

static bool overlaps(const struct store_segment *g, int64_t from_us, int64_t to_us)
{
	return g->rows && g->max_end_us >= from_us && g->min_start_us < to_us;
}

/* ---- which segments ------------------------------------------------------------------------- */

static const struct store_segment *find(const struct store_segments *list, enum store_series series,
					int64_t number, size_t *index)
{
	size_t low = 0, high = list->len;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct store_segment *g = &list->at[mid];

		if (g->series == series && g->number == number) {
			*index = mid;
			return g;
		}
		if (g->series < series || (g->series == series && g->number < number))
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static bool day_has(const struct store_segments *list, int64_t hour, size_t *index)
{
	const struct store_segment *day = find(list, SERIES_HOURS, hour / HOURS_OF_DAY, index);

	return day && day->hours >> hour % HOURS_OF_DAY & 1;
}

/*
 * Where the rows that arrived in this hour are read from. An hour that is still a table has not
 * been rolled up yet; all others are in the day's hours.
 */
static enum store_tier tier_of_hour(const struct store_segments *list, int64_t hour,
				    enum store_tier wanted, size_t *index)
{
	static const enum store_tier order[STORE_TIERS][STORE_TIERS] = {
		[TIER_RAW] = { TIER_RAW, TIER_MINUTE, TIER_HOUR },
		[TIER_MINUTE] = { TIER_MINUTE, TIER_HOUR, TIER_RAW },
		[TIER_HOUR] = { TIER_HOUR, TIER_MINUTE, TIER_RAW },
	};
	size_t at[STORE_TIERS] = { 0 };
	const struct store_segment *raw = find(list, SERIES_FLOWS, hour, &at[TIER_RAW]);
	const bool has[STORE_TIERS] = {
		[TIER_RAW] = raw != NULL,
		[TIER_MINUTE] = find(list, SERIES_MINUTES, hour, &at[TIER_MINUTE]) != NULL,
		[TIER_HOUR] = day_has(list, hour, &at[TIER_HOUR]),
	};

	*index = at[TIER_RAW];
	if (raw && !raw->file[0])
		return TIER_RAW;
	for (int i = 0; i < STORE_TIERS; i++) {
		enum store_tier tier = order[wanted][i];

		*index = at[tier];
		if (has[tier])
			return tier;
	}
	return TIER_RAW; /* of an hour that is in the list, one has it */
}

/* The hours that are in the list and in the range, chosen; days of hours are the rest. */
static void choose(const struct store_segments *list, enum store_tier wanted, int64_t from_us,
		   int64_t to_us, bool *chosen, struct store_tiers *tiers)
{
	memset(chosen, 0, list->len * sizeof(*chosen));
	memset(tiers, 0, sizeof(*tiers));
	for (size_t i = 0; i < list->len; i++) {
		const struct store_segment *g = &list->at[i];
		enum store_tier tier;
		size_t index;

		if (!overlaps(g, from_us, to_us))
			continue;
		if (g->series == SERIES_HOURS) { /* for the hours that only it has */
			chosen[i] = true;
			tiers->rows[TIER_HOUR] += g->rows;
			continue;
		}
		if (g->series != SERIES_FLOWS && g->series != SERIES_MINUTES)
			continue;
		tier = tier_of_hour(list, g->number, wanted, &index);
		if (tier == TIER_HOUR || chosen[index])
			continue;
		chosen[index] = true;
		tiers->rows[tier] += list->at[index].rows;
	}
}

/* Of the days chosen, without the hours that are read from elsewhere. */
static void add_hours(struct source *src, const struct store_segments *list, const bool *chosen)
{
	const char *separator = "";

	begin_part(src);
	fputs("SELECT * FROM (", src->out);
	src->separator = "";
	add_tables(src, list, chosen, SERIES_HOURS, "");
	add_files(src, list, chosen, SERIES_HOURS, "");
	src->separator = " UNION ALL BY NAME ";
	fputs(")", src->out);
	for (size_t i = 0; i < list->len; i++) {
		const struct store_segment *g = &list->at[i];

		if (!chosen[i] || (g->series != SERIES_FLOWS && g->series != SERIES_MINUTES))
			continue;
		fprintf(src->out, "%s%" PRId64,
			*separator ? separator : " WHERE \"interval\" NOT IN (", g->number);
		separator = ", ";
	}
	fputs(*separator ? ")" : "", src->out);
}

static bool any_of(const struct store_segments *list, const bool *chosen, enum store_series series)
{
	for (size_t i = 0; i < list->len; i++)
		if (chosen[i] && list->at[i].series == series)
			return true;
	return false;
}

/* ---- SQL ------------------------------------------------------------------------------------ */

static int source_begin(struct source *src, const struct store_reader *r, int64_t from_us,
			int64_t to_us, char **text, size_t *len)
{
	*src = (struct source){ open_memstream(text, len), r, "", from_us, to_us, false };
	if (!src->out)
		return -ENOMEM;
	fputs("(", src->out);
	return 0;
}

/*
 * An empty table is the last part: it says which columns there are, whatever older files have. As
 * the first it would hide how many values those of the others have (query_estimate.h).
 */
static int source_end(struct source *src, enum store_series series, const char *more)
{
	char none[STORE_NAME_MAX];
	bool failed;

	snprintf(none, sizeof(none), "%s_none", store_series[series].name);
	add_table(src, none, more);
	fputs(")", src->out);
	failed = ferror(src->out);
	return fclose(src->out) || failed ? -ENOMEM : 0;
}

static int flows_sql(const struct store_reader *r, const struct store_segments *list,
		     const bool *chosen, int64_t from_us, int64_t to_us, char **ret)
{
	AUTO_FREE char *text = NULL;
	struct source src;
	size_t len;
	int err = source_begin(&src, r, from_us, to_us, &text, &len);

	if (err)
		return err;
	src.is_cut = true;
	add_tables(&src, list, chosen, SERIES_FLOWS, AS_ONE_RECORD);
	add_files(&src, list, chosen, SERIES_FLOWS, AS_ONE_RECORD);
	add_files(&src, list, chosen, SERIES_MINUTES, "");
	if (any_of(list, chosen, SERIES_HOURS))
		add_hours(&src, list, chosen);
	err = source_end(&src, SERIES_FLOWS, AS_ONE_RECORD);
	if (!err)
		*ret = TAKE(text);
	return err;
}

/* Days whose hours are all read from elsewhere need not be opened. */
static void spare_days(const struct store_segments *list, enum store_tier wanted, bool *chosen,
		       struct store_tiers *tiers)
{
	for (size_t i = 0; i < list->len; i++) {
		bool needed = false;

		if (!chosen[i] || list->at[i].series != SERIES_HOURS)
			continue;
		for (int h = 0; h < HOURS_OF_DAY && !needed; h++) {
			int64_t hour = list->at[i].number * HOURS_OF_DAY + h;
			size_t index;

			needed = day_has(list, hour, &index) &&
				 tier_of_hour(list, hour, wanted, &index) == TIER_HOUR;
		}
		if (needed)
			continue;
		chosen[i] = false;
		tiers->rows[TIER_HOUR] -= list->at[i].rows;
	}
}

/* What the list knows of the chosen, so that nobody has to look. */
static void describe(const struct store_segments *list, const bool *chosen,
		     struct store_tiers *tiers)
{
	bool any = false;

	tiers->first_us = 0;
	tiers->may_have = 0;
	tiers->has_files = false;
	for (size_t i = 0; i < list->len; i++) {
		const struct store_segment *g = &list->at[i];

		if (!chosen[i])
			continue;
		if (!any || g->min_start_us < tiers->first_us)
			tiers->first_us = g->min_start_us;
		any = true;
		tiers->may_have |= g->may_have;
		tiers->has_files |= g->file[0] != '\0';
	}
}

int store_source_flows(struct store_reader *r, enum store_tier wanted, int64_t from_us,
		       int64_t to_us, char **ret, struct store_tiers *tiers)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	enum store_tier tier = wanted == STORE_TIERS ? TIER_RAW : wanted;
	AUTO_FREE bool *chosen = NULL;
	int err = store_segments_read(r, &list);

	if (err)
		return err;
	chosen = calloc(list.len + 1, sizeof(*chosen));
	if (!chosen)
		return -ENOMEM;
	for (;; tier++) {
		choose(&list, tier, from_us, to_us, chosen, tiers);
		spare_days(&list, tier, chosen, tiers);
		if (wanted != STORE_TIERS || tier == TIER_HOUR ||
		    tiers->rows[TIER_RAW] + tiers->rows[TIER_MINUTE] + tiers->rows[TIER_HOUR] <=
			    STORE_TIER_ROWS)
			break;
	}
	describe(&list, chosen, tiers);
	return flows_sql(r, &list, chosen, from_us, to_us, ret);
}

/* The segments of one series, as they are. */
static int plain_source(struct store_reader *r, enum store_series series, int64_t from_us,
			int64_t to_us, bool only_tables, char **ret)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	AUTO_FREE bool *chosen = NULL;
	AUTO_FREE char *text = NULL;
	struct source src;
	size_t len;
	int err = store_segments_read(r, &list);

	if (err)
		return err;
	chosen = calloc(list.len + 1, sizeof(*chosen));
	if (!chosen)
		return -ENOMEM;
	for (size_t i = 0; i < list.len; i++)
		chosen[i] = overlaps(&list.at[i], from_us, to_us) &&
			    (!only_tables || !list.at[i].file[0]);
	err = source_begin(&src, r, from_us, to_us, &text, &len);
	if (err)
		return err;
	add_tables(&src, &list, chosen, series, "");
	add_files(&src, &list, chosen, series, "");
	err = source_end(&src, series, "");
	if (!err)
		*ret = TAKE(text);
	return err;
}

int store_source(struct store_reader *r, enum store_series series, int64_t from_us, int64_t to_us,
		 char **ret)
{
	struct store_tiers unused;

	if (series == SERIES_FLOWS)
		return store_source_flows(r, TIER_RAW, from_us, to_us, ret, &unused);
	return plain_source(r, series, from_us, to_us, false, ret);
}

int store_source_open(struct store_reader *r, enum store_series series, char **ret)
{
	return plain_source(r, series, INT64_MIN, INT64_MAX, true, ret);
}
