// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/filter?filter=&scope=flows|connections|drops|latencies: whether a filter can be parsed,
 * where it cannot, and the words that may be in it: what a box to write filters in needs.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/filter.h"
#include "user/collector/query_signal.h"
#include "user/lib/cleanup.h"

static const char *const scopes[] = { "flows", "connections", "drops", "latencies" };

static json_t *values_json(const char *word)
{
	const char *values[FILTER_VALUES_MAX];
	size_t len = filter_word_values(word, values);
	json_t *array = json_array();

	for (size_t i = 0; i < len; i++)
		json_array_append_new(array, json_string(values[i]));
	return array;
}

static json_t *words_json(enum filter_scope scope)
{
	struct filter_word words[FILTER_WORDS_MAX];
	size_t len = filter_words(scope, words);
	json_t *array = json_array();

	for (size_t i = 0; i < len; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:b, s:b, s:b, s:o}", "word", words[i].name,
						"alone", words[i].is_alone, "sided",
						words[i].is_sided, "directed", words[i].is_directed,
						"values", values_json(words[i].name)));
	return array;
}

int api_filter(const struct api_request *req, struct api_reply *reply)
{
	AUTO(filter_free) struct filter *filter = NULL;
	const char *text = req->arg(req, "filter");
	struct filter_error wrong = {};
	enum filter_scope scope;
	size_t at;
	int err = signal_word_arg(req, reply, "scope", scopes, ARRAY_LEN(scopes), &at);
	json_t *error = NULL;

	if (err)
		return err < 0 ? err : 0;
	scope = 1u << at;
	err = text ? filter_parse(text, scope, &filter, &wrong) : 0;
	if (err && err != -EINVAL)
		return err;
	if (err)
		error = json_pack("{s:s, s:I}", "message", wrong.message, "position",
				  (json_int_t)wrong.position);
	return api_json(reply, json_pack("{s:b, s:o, s:o}", "ok", !err, "error",
					 error ? error : json_null(), "words", words_json(scope)));
}
