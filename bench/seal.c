// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * seal DIR: seals all that a stopped collector has in its folder, as it would some hours later. A
 * JSON line: rows of flows, octets of their files, CPU seconds (minutes and hours are part of it).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/collector/store.h"
#include "user/collector/store_seal.h"
#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	AUTO(store_close) struct store *store = NULL;
	int64_t now_us = wall_us() + 48 * STORE_HOUR_US;
	uint64_t rows = 0, octets = 0;
	struct store_sealing job;
	double start;
	int err = 0;

	if (argc != 2) {
		fputs("usage: seal DIR\n", stderr);
		return 2;
	}
	log_init("seal", LOG_WARN, false);
	if (store_open(argv[1], &store))
		return 1;
	start = cpu_s();
	while (!err && !store_seal_next(store, now_us, &job)) {
		err = store_seal_write(store, &job);
		if (!err)
			err = store_seal_publish(store, &job);
		if (job.table.series == SERIES_FLOWS) {
			rows += job.file.rows;
			octets += job.file.bytes;
		}
	}
	printf("{\"rows\": %" PRIu64 ", \"octets\": %" PRIu64 ", \"cpu_s\": %.3f}\n", rows, octets,
	       cpu_s() - start);
	return err ? 1 : 0;
}
