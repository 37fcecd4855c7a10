/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Text format 0.0.4, or what a scrape's Accept header would rather have. */
#ifndef WT_FORMATS_H
#define WT_FORMATS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * *text (owned) becomes what is asked for, *type its content type (static). accept: NULL, none.
 * False: no memory, *text is freed.
 */
bool metrics_formats_as(const char *accept, char **text, size_t *len, const char **type);

#endif
