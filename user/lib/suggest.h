/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* "did you mean …?": the known word nearest to a mistyped one. */
#ifndef WT_SUGGEST_H
#define WT_SUGGEST_H

#include <stddef.h>

/*
 * The nearest of words[0..len), by edit distance (a swap of neighbours is one edit), or NULL when
 * none is near enough to be what was meant. Case does not matter. Words may repeat; NULLs are
 * skipped.
 */
const char *suggest_nearest(const char *word, const char *const *words, size_t len);

#endif
