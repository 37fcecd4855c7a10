// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A number of milliseconds in; jemalloc's arenas decay by it. */
#include "user/collector/store_memory.h"

#include <stdio.h>
#include <sys/types.h>

#include "user/lib/cleanup.h"
#include "user/lib/log.h"

/* jemalloc's mallctl(3), as DuckDB's library has it. */
__attribute__((weak)) int duckdb_je_mallctl(const char *name, void *old, size_t *old_len,
					    void *fresh, size_t fresh_len);

static int set_ms(const char *name, ssize_t ms)
{
	return duckdb_je_mallctl(name, NULL, NULL, &ms, sizeof(ms));
}

void store_memory_keep(void)
{
	static const char *const kinds[] = { "dirty_decay_ms", "muzzy_decay_ms" };
	unsigned int arenas = 0;
	size_t len = sizeof(arenas);
	char name[64];

	if (!duckdb_je_mallctl || duckdb_je_mallctl("arenas.narenas", &arenas, &len, NULL, 0))
		return;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		snprintf(name, sizeof(name), "arenas.%s", kinds[i]); /* those that are to come */
		if (set_ms(name, STORE_MEMORY_KEPT_MS))
			log_debug("store: jemalloc has no %s", name);
		for (unsigned int at = 0; at < arenas; at++) {
			snprintf(name, sizeof(name), "arena.%u.%s", at, kinds[i]);
			set_ms(name, STORE_MEMORY_KEPT_MS); /* one that is not there yet says so */
		}
	}
}
