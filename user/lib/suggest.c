// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A word and the known words in, the nearest known word out. */
#include "user/lib/suggest.h"

#include <ctype.h>
#include <string.h>

#define SUGGEST_LEN_MAX 32 /* longer words get no suggestion */

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment: insert, delete, replace, swap neighbours. Lengths checked before. */
static unsigned int distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int d[SUGGEST_LEN_MAX + 1][SUGGEST_LEN_MAX + 1];

	for (size_t i = 0; i <= a_len; i++)
		d[i][0] = (unsigned int)i;
	for (size_t j = 0; j <= b_len; j++)
		d[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= a_len; i++) {
		for (size_t j = 1; j <= b_len; j++) {
			int ca = tolower((unsigned char)a[i - 1]);
			int cb = tolower((unsigned char)b[j - 1]);

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
			    cb == tolower((unsigned char)a[i - 2]) && d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[a_len][b_len];
}

/* People seldom mistype the beginning: of two words as near, the one that starts alike. */
static size_t common_prefix(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && tolower((unsigned char)a[n]) == tolower((unsigned char)b[n]))
		n++;
	return n;
}

const char *suggest_nearest(const char *word, const char *const *words, size_t len)
{
	size_t word_len = strlen(word);
	const char *nearest = NULL;
	unsigned int best;

	if (!word_len || word_len > SUGGEST_LEN_MAX)
		return NULL;
	/* a third of the letters may be wrong, one of a short word */
	best = 2 + (unsigned int)word_len / 4;
	for (size_t i = 0; i < len; i++) {
		size_t n = words[i] ? strlen(words[i]) : 0;
		unsigned int d;

		if (!n || n > SUGGEST_LEN_MAX)
			continue;
		d = distance(word, word_len, words[i], n);
		if (d >= n || d >= word_len || d > best || (d == best && !nearest))
			continue;
		if (d < best || common_prefix(word, words[i]) > common_prefix(word, nearest)) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}
