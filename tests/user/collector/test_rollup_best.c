// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The heaviest of each class, beside those of a sort. */
#include "user/collector/rollup_best.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

#define TOP 10
#define CLASSES 300
#define GROUPS_MAX 40

static struct group {
	uint64_t exporter, slot, hash;
	int64_t octets;
} groups[CLASSES * GROUPS_MAX];
static size_t len;

static void add(struct key_sums *s, const struct group *g)
{
	struct key_rows row = { { &g->exporter, &g->slot, &g->hash },
				{ &g->octets, &g->octets, &g->octets },
				1 };

	cr_assert(key_sums_add(s, &row) == 0);
}

/* How many of its class are heavier, or as heavy with a higher low end of the hash. */
static size_t heavier(const struct group *g)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		const struct group *o = &groups[i];

		if (o->exporter == g->exporter && o->slot == g->slot &&
		    (o->octets > g->octets ||
		     (o->octets == g->octets && o->hash % 1024 > g->hash % 1024)))
			n++;
	}
	return n;
}

static bool has(const uint64_t *best, size_t best_len, const struct group *g)
{
	for (size_t i = 0; i < best_len; i++)
		if (best[i] == g->hash)
			return true;
	return false;
}

/* Class c has c % 40 groups: fewer than TOP, as many, more. Each is in one of the sums. */
static void fill(struct key_sums *s[2])
{
	for (uint64_t c = 0; c < CLASSES; c++) {
		for (uint64_t i = 0; i < c % GROUPS_MAX; i++) {
			struct group *g = &groups[len++];

			*g = (struct group){ c % 3, c / 3, c << 32 | (i * 7919 + c) % 1024,
					     (int64_t)(i * 104729 % 17) * 100 };
			add(s[i % 2], g);
		}
	}
}

static struct key_sums *new_sums(void)
{
	struct key_sums *s = key_sums_new((struct key_shape){ 3, SUM_COUNTS });

	cr_assert(s != NULL);
	return s;
}

Test(rollup_best, keeps_the_heaviest_of_each_class)
{
	struct key_sums *s[2] = { new_sums(), new_sums() };
	AUTO(rollup_best_free) struct rollup_best *b = rollup_best_new(TOP, 100000);
	AUTO_FREE uint64_t *best = NULL;
	size_t best_len = 0, kept = 0;

	fill(s);
	cr_assert(b && !rollup_best_add(b, s[0]) && !rollup_best_add(b, s[1]));
	cr_assert(rollup_best_get(b, &best, &best_len) == 0);
	for (size_t i = 0; i < len; i++) {
		bool want = heavier(&groups[i]) < TOP;

		kept += want;
		cr_expect(has(best, best_len, &groups[i]) == want, "group %zu", i);
	}
	cr_expect(best_len == kept && kept > 0 && kept < len, "%zu of %zu", kept, len);
	key_sums_free(s[0]);
	key_sums_free(s[1]);
}

Test(rollup_best, keeps_all_of_few_and_takes_none)
{
	struct key_sums *s = new_sums();
	AUTO(rollup_best_free) struct rollup_best *b = rollup_best_new(TOP, 100000);
	AUTO_FREE uint64_t *none = NULL, *best = NULL;
	struct group huge = { 1, 2, 3, INT64_MAX };
	size_t best_len = 9;

	cr_assert(b && !rollup_best_add(b, s) && !rollup_best_get(b, &none, &best_len));
	cr_expect(best_len == 0);
	add(s, &huge);
	cr_assert(!rollup_best_add(b, s) && !rollup_best_get(b, &best, &best_len));
	cr_expect(best_len == 1 && best[0] == 3);
	key_sums_free(s);
}

Test(rollup_best, has_an_end)
{
	struct key_sums *s = new_sums();
	AUTO(rollup_best_free) struct rollup_best *b = rollup_best_new(TOP, 100);

	for (uint64_t i = 0; i < 101; i++)
		add(s, &(struct group){ i / 10, 1, i + 1, 1 });
	cr_expect(b && rollup_best_add(b, s) == -ENOBUFS);
	key_sums_free(s);
}
