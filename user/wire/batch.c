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
