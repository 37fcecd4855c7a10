// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "user/metrics/formats.h"

#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"
#include "user/metrics/openmetrics.h"
#include "user/metrics/protometrics.h"

/* The first of these that is asked for: who asks for protobuf wants native histograms. */
static const struct {
	const char *asked, *type;
	char *(*from_text)(const char *text, size_t *len);
} formats[] = {
	{ PROTOMETRICS_ASKED, PROTOMETRICS_TYPE, protometrics_from_text },
	{ "application/openmetrics-text", OPENMETRICS_TYPE, openmetrics_from_text },
};

bool metrics_formats_as(const char *accept, char **text, size_t *len, const char **type)
{
	char *other;

	*type = "text/plain; version=0.0.4; charset=utf-8";
	for (size_t i = 0; accept && i < ARRAY_LEN(formats); i++) {
		if (!strstr(accept, formats[i].asked))
			continue;
		other = formats[i].from_text(*text, len);
		free(*text);
		*text = other;
		*type = formats[i].type;
		return other != NULL;
	}
	return true;
}
