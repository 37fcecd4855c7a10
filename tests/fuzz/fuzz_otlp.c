// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Any bytes as what an OTLP receiver answers: how many log records it refused is a number that a
 * request can have had, or none of them.
 *
 * needs: user/sinks/otlp_logs.c user/sinks/otlp_attributes.c
 */
#include <stdint.h>
#include <stdlib.h>

#include "user/sinks/otlp.h"
#include "user/sinks/sink_kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* sink.c's, which brings all other sinks along */
const char *sink_interface_name(const struct sink_rows *rows, uint32_t ifindex, uint32_t netns)
{
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (otlp_rejected(bytes, len) > INT64_MAX)
		abort();
	return 0;
}
