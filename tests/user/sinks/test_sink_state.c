// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "user/sinks/sink_state.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define URL "ipfix://a:1"

static char dir[] = "/tmp/wiretally-sink-XXXXXX";

static void make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_expect(system(command) == 0);
}

TestSuite(sink_state, .init = make_dir, .fini = remove_dir);

static struct sink_state *open_at(uint64_t segment, uint64_t bytes, uint64_t want_left)
{
	const struct sink_place stored = { segment, bytes };
	struct sink_state *s = NULL;
	uint64_t left = 99;

	cr_assert(sink_state_open(dir, URL, &stored, &s, &left) == 0);
	cr_expect(left == want_left, "left: %llu, want %llu", (unsigned long long)left,
		  (unsigned long long)want_left);
	return s;
}

Test(sink_state, what_waits_is_left)
{
	struct sink_state *s = open_at(0, 0, 0);

	sink_state_give(s, 0, 10);
	sink_state_wait(s, 7);
	sink_state_close(s);
	sink_state_close(open_at(0, 0, 7));
	sink_state_close(open_at(0, 0, 0)); /* it was told once */
}

/* Announced rows are left when their transaction was made, and come again when it was not. */
Test(sink_state, what_was_announced_counts_once_it_is_stored)
{
	const struct sink_place end = { 3, 500 };

	for (int is_made = 0; is_made < 2; is_made++) {
		struct sink_state *s = open_at(3, 400, 0);

		sink_state_wait(s, 2);
		sink_state_announce(s, 5, &end);
		sink_state_close(s);
		sink_state_close(is_made ? open_at(3, 500, 7) : open_at(3, 499, 2));
	}
}

Test(sink_state, what_was_given_is_announced_no_more)
{
	const struct sink_place end = { 3, 500 };
	struct sink_state *s = open_at(3, 400, 0);

	sink_state_announce(s, 5, &end);
	sink_state_give(s, 3, 3);
	sink_state_close(s);
	s = open_at(4, 0, 5); /* 3 wait, 2 were not given yet */
	sink_state_announce(s, 5, &end);
	sink_state_give(s, 5, 5);
	sink_state_close(s);
	sink_state_close(open_at(4, 0, 5));
}

Test(sink_state, any_file_is_taken)
{
	char command[96];
	struct sink_state *s = open_at(0, 0, 0);

	sink_state_wait(s, 7);
	sink_state_close(s);
	snprintf(command, sizeof(command), "for f in %s/sinks/*; do echo hello >$f; done", dir);
	cr_assert(system(command) == 0);
	sink_state_close(open_at(9, 9, 0));
}

Test(sink_state, none_is_fine)
{
	const struct sink_place end = { 0, 0 };

	sink_state_announce(NULL, 5, &end);
	sink_state_give(NULL, 5, 5);
	sink_state_wait(NULL, 5);
	sink_state_close(NULL);
}
