// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Bytes as a batch, bare and as zstd. What is taken must go out again and come back the same;
 * what is not must say why.
 */
#include <stdlib.h>
#include <string.h>

#include "user/wire/batch.h"

#define DECOMPRESSED_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_same(const struct batch *a, const struct batch *b)
{
	if (a->flows_len != b->flows_len || a->ledger_len != b->ledger_len ||
	    a->interfaces_len != b->interfaces_len || a->own_addresses_len != b->own_addresses_len)
		abort();
	if (a->flows_len && memcmp(a->flows, b->flows, a->flows_len * sizeof(*a->flows)) != 0)
		abort();
	if (a->ledger_len && memcmp(a->ledger, b->ledger, a->ledger_len * sizeof(*a->ledger)) != 0)
		abort();
	if (a->connections_len != b->connections_len || a->drops_len != b->drops_len ||
	    a->host_counts_len != b->host_counts_len || a->latencies_len != b->latencies_len)
		abort();
	if (a->connections_len && memcmp(a->connections, b->connections,
					 a->connections_len * sizeof(*a->connections)) != 0)
		abort();
	if (a->drops_len && memcmp(a->drops, b->drops, a->drops_len * sizeof(*a->drops)) != 0)
		abort();
	if (memcmp(a->head.instance, b->head.instance, 16) != 0 ||
	    strcmp(a->head.exporter, b->head.exporter) != 0 ||
	    strcmp(a->head.agent, b->head.agent) != 0)
		abort();
}

static void decode(const uint8_t *bytes, size_t len)
{
	AUTO(batch_free) struct batch *b = NULL, *again = NULL;
	AUTO_FREE uint8_t *encoded = NULL;
	const char *why = NULL;
	size_t encoded_len;

	if (batch_decode(bytes, len, &b, &why)) {
		if (!why || b)
			abort();
		return;
	}
	if (batch_encode(b, &encoded, &encoded_len) ||
	    batch_decode(encoded, encoded_len, &again, &why))
		abort();
	check_same(b, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_FREE uint8_t *plain = NULL;
	size_t plain_len;

	decode(bytes, len);
	if (batch_decompress(bytes, len, DECOMPRESSED_MAX, &plain, &plain_len) == 0) {
		if (plain_len > DECOMPRESSED_MAX)
			abort();
		decode(plain, plain_len);
	}
	return 0;
}
