// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* When an hour that is over becomes a file: with room, and without. */
#include "user/collector/housekeeper.h"

#include "tests/user/collector/seal_fixture.h"
#include "user/collector/metrics.h"
#include "user/lib/clock.h"

TestSuite(housekeeper, .init = setup, .fini = teardown);

#define ROOM (UINT64_C(1) << 30)
#define OVER ((FIRST_HOUR + 1) * HOUR)
#define MINUTE (HOUR / 60)

static const struct housekeeper_limits limits = { { HOUR * 1000, HOUR * 1000, HOUR * 1000 }, ROOM };

/* As the committer does, until nothing is being sealed. */
static void keep_house(int64_t now_us, uint64_t log_bytes)
{
	AUTO(housekeeper_free) struct housekeeper *h = NULL;

	cr_assert(housekeeper_new(store, &limits, &h) == 0);
	do {
		housekeeper_run(h, now_us, log_bytes);
		usleep(1000);
	} while (housekeeper_due_ns(h) - monotonic_ns() < HOUSEKEEPING_PERIOD_NS / 2);
}

static int64_t files(void)
{
	return value_of(store, "SELECT count(*) FROM segments WHERE file <> ''");
}

Test(housekeeper, leaves_the_last_hour_a_table)
{
	put(1, 100, NOW);
	keep_house(OVER + 60 * MINUTE, 0);
	cr_expect(files() == 0, "%d", (int)files());
	keep_house(OVER + 61 * MINUTE, 0);
	cr_expect(files() == 2, "records and minutes");
}

Test(housekeeper, seals_early_when_room_gets_scarce)
{
	put(1, 100, NOW);
	keep_house(OVER + MINUTE, ROOM / 2);
	cr_expect(files() == 0, "half of it is used");
	keep_house(OVER + MINUTE - 1, ROOM / 5 * 4);
	cr_expect(files() == 0, "rows may still arrive");
	keep_house(OVER + MINUTE, ROOM / 5 * 4);
	cr_expect(files() == 2);
	cr_expect(packets(TIER_RAW) == sum_to(100));
}
