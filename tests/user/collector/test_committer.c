// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What the committer does besides committing: age and size of the store. */
#include "user/collector/committer.h"

#include "tests/user/collector/parts_fixture.h"
#include "user/lib/clock.h"

#define UNLIMITED (UINT64_C(1) << 40)

static void setup(void)
{
	data_make();
}

static void teardown(void)
{
	data_remove();
}

TestSuite(committer, .init = setup, .fini = teardown);

/* A batch of 100 rows for each arrival, hours before now; closed again. */
static void fill(const int *hours, size_t len)
{
	open_parts(true);
	for (size_t i = 0; i < len; i++)
		cr_assert(post_at(make_batch("a", (uint8_t)i, 1, 100, true),
				  wall_us() - hours[i] * HOUR, NULL) == 200);
	settle();
	close_parts();
}

/* The thread looks at age and size before it takes its first batch. */
static unsigned int reopen_and_post(int64_t keep_us, uint64_t max_disk_bytes)
{
	unsigned int status;

	open_parts_with(
		true, (struct housekeeper_limits){ { keep_us, keep_us, keep_us }, max_disk_bytes });
	status = post_at(make_batch("b", 1, 1, 1, true), wall_us(), NULL);
	settle();
	return status;
}

Test(committer, drops_hours_by_age)
{
	fill((int[]){ 30, 26, 23, 0 }, 4);
	cr_expect(reopen_and_post(24 * HOUR, UNLIMITED) == 200);
	cr_expect(stored_rows() == 201, "%d", (int)stored_rows());
	cr_expect(value_of(parts.store, "SELECT count(*) FROM exporters") == 4,
		  "the second is gone; the first stands for all of a's in the coarse tiers");
	cr_expect(metric_get(METRIC_RETENTION_DROPS) == 2);
	close_parts();
}

Test(committer, keeps_what_is_young)
{
	fill((int[]){ 30, 26, 23, 0 }, 4);
	cr_expect(reopen_and_post(48 * HOUR, UNLIMITED) == 200);
	cr_expect(stored_rows() == 401);
	close_parts();
}

Test(committer, drops_the_oldest_hours_by_size)
{
	fill((int[]){ 5, 3, 0 }, 3);
	reopen_and_post(KEEP_ALL, 1);
	cr_expect(value_of(parts.store, "SELECT count(*) FROM segments") == 1,
		  "never the current one");
	cr_expect(metric_get(METRIC_RETENTION_DROPS) == 2);
	cr_expect(post_at(make_batch("b", 1, 2, 1, true), wall_us(), NULL) == 507);
	close_parts();
	cr_expect(reopen_and_post(KEEP_ALL, UNLIMITED) == 200, "a larger limit: it goes on");
	close_parts();
}

/* An exporter that went with its hour and comes back is a new one. */
Test(committer, takes_an_expired_instance_again)
{
	fill((int[]){ 30 }, 1);
	open_parts_with(true, (struct housekeeper_limits){ { 24 * HOUR, 24 * HOUR, 24 * HOUR },
							   UNLIMITED });
	for (uint64_t i = 1; i <= 3; i++)
		cr_assert(post_at(make_batch("a", 0, i + 1, 10, true), wall_us(), NULL) == 200);
	settle();
	cr_expect(stored_rows() == 30, "%d", (int)stored_rows());
	cr_expect(value_of(parts.store, "SELECT high_water FROM exporters") == 4);
	close_parts();
}
