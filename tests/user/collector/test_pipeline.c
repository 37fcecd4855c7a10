// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Room for bodies that are not decoded yet. */
#include "user/collector/pipeline.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>

#define BODY 1000
#define ROOM ((uint64_t)BODY * PIPELINE_EXPANSION)

Test(pipeline, a_body_without_room_is_refused)
{
	struct pipeline *p;

	cr_assert(pipeline_new(4 * ROOM, &p) == 0);
	for (int i = 0; i < 3; i++)
		cr_expect(pipeline_enter(p, BODY) == 0);
	cr_expect(pipeline_enter(p, 50 * BODY) == 0, "a large one beside three others");
	cr_expect(pipeline_enter(p, BODY) == -EAGAIN, "there is room for four");
	pipeline_leave(p, 50 * BODY);
	cr_expect(pipeline_enter(p, BODY) == 0, "one has left");
	pipeline_stop_log(p);
	cr_expect(pipeline_enter(p, BODY) == -ESHUTDOWN);
	pipeline_free(p);
}

static void *enter(void *p)
{
	return (void *)(intptr_t)pipeline_enter(p, BODY);
}

Test(pipeline, a_body_waits_for_those_before_it)
{
	struct pipeline *p;
	pthread_t waits;
	void *result;

	cr_assert(pipeline_new(4 * ROOM, &p) == 0);
	for (int i = 0; i < 3; i++)
		cr_assert(pipeline_enter(p, BODY) == 0);
	for (int i = 0; i < 100; i++) {
		cr_assert(pipeline_enter(p, BODY) == 0);
		cr_assert(pthread_create(&waits, NULL, enter, p) == 0);
		pipeline_leave(p, BODY);
		cr_assert(pthread_join(waits, &result) == 0);
		cr_assert(!result, "round %d: %d", i, (int)(intptr_t)result);
		pipeline_leave(p, BODY);
	}
	pipeline_free(p);
}
