// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Decoded batches: ownership. batch_encode.c, batch_decode.c and batch_zstd.c do the work. */
#include "user/wire/batch.h"

void batch_free(struct batch *b)
{
	if (!b)
		return;
	free(b->flows);
	free(b->connections);
	free(b->drops);
	free(b->host_counts);
	free(b->latencies);
	free(b->ledger);
	free(b->interfaces);
	free(b->own_addresses);
	free(b);
}

size_t batch_bytes(const struct batch *b)
{
	return sizeof(*b) + b->flows_len * sizeof(*b->flows) +
	       b->connections_len * sizeof(*b->connections) + b->drops_len * sizeof(*b->drops) +
	       b->host_counts_len * sizeof(*b->host_counts) +
	       b->latencies_len * sizeof(*b->latencies) + b->ledger_len * sizeof(*b->ledger) +
	       b->interfaces_len * sizeof(*b->interfaces) +
	       b->own_addresses_len * sizeof(*b->own_addresses);
}
