// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A list of words in, the columns to group by and to show out. */
#include "user/collector/query_group.h"

#include <errno.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query_sql.h"
#include "user/lib/suggest.h"

#define WORD_MAX 24
#define KEYS_ALL_MAX 16

static const struct group_key *find(const struct group_key *all, size_t all_len, const char *word)
{
	for (size_t i = 0; i < all_len; i++)
		if (!strcmp(all[i].word, word))
			return &all[i];
	return NULL;
}

static int refuse(struct api_reply *reply, const struct group_key *all, size_t all_len,
		  const char *word, long position)
{
	const char *words[KEYS_ALL_MAX], *near;
	int err;

	for (size_t i = 0; i < all_len && i < KEYS_ALL_MAX; i++)
		words[i] = all[i].word;
	near = suggest_nearest(word, words, all_len < KEYS_ALL_MAX ? all_len : KEYS_ALL_MAX);
	err = api_error(reply, 400, "by", position, "by has no such word; %s '%s'",
			near ? "did you mean" : "one is", near ? near : words[0]);
	return err < 0 ? err : 1;
}

static bool has(const struct group *g, const struct group_key *key)
{
	for (size_t i = 0; i < g->len; i++)
		if (g->keys[i] == key)
			return true;
	return false;
}

int group_arg(const struct api_request *req, struct api_reply *reply, const struct group_key *all,
	      size_t all_len, struct group *ret)
{
	const char *by = req->arg(req, "by"), *at = by;

	*ret = (struct group){ .keys = { all }, .len = 1 };
	if (!by)
		return 0;
	for (ret->len = 0; ret->len < GROUP_KEYS_MAX; at += strcspn(at, ",") + 1) {
		size_t len = strcspn(at, ",");
		const struct group_key *key;
		char word[WORD_MAX];

		snprintf(word, sizeof(word), "%.*s", len < WORD_MAX ? (int)len : WORD_MAX - 1, at);
		key = find(all, all_len, word);
		if (!key || has(ret, key))
			return refuse(reply, all, all_len, word, at - by);
		ret->keys[ret->len++] = key;
		if (!at[len])
			return 0;
	}
	return refuse(reply, all, all_len, "", at - by);
}

void group_add(const struct group *g, struct sql_builder *b)
{
	for (size_t i = 0; i < g->len; i++)
		for (int c = 0; c < GROUP_COLUMNS_MAX && g->keys[i]->columns[c].sql; c++) {
			sql_add(b, i || c ? ", " : "");
			sql_add(b, g->keys[i]->columns[c].sql);
		}
}

bool group_is_owned(const struct group *g)
{
	for (size_t i = 0; i < g->len; i++)
		if (g->keys[i]->is_owned)
			return true;
	return false;
}

size_t group_columns(const struct group *g, struct query_column *to)
{
	size_t len = 0;

	for (size_t i = 0; i < g->len; i++)
		for (int c = 0; c < GROUP_COLUMNS_MAX && g->keys[i]->columns[c].sql; c++)
			to[len++] = g->keys[i]->columns[c].column;
	return len;
}
