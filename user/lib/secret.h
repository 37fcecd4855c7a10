/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Bearer tokens: 32 random bytes as text. Files keep their SHA-256 alone, so that who reads such a
 * file cannot use it.
 */
#ifndef WT_SECRET_H
#define WT_SECRET_H

#include <stdint.h>

#define SECRET_PREFIX "wt_" /* so that scanners for leaked secrets find them */
#define SECRET_TEXT_MAX 68 /* prefix, 64 hex digits, NUL */
#define SECRET_HASH_BYTES 32
#define SECRET_HASH_TEXT_MAX 65

/* 0 or -errno. */
int secret_new(char ret[SECRET_TEXT_MAX]);
int secret_hash(const char *text, uint8_t ret[SECRET_HASH_BYTES]);

void secret_hash_format(const uint8_t hash[SECRET_HASH_BYTES], char ret[SECRET_HASH_TEXT_MAX]);
/* 0 or -EINVAL. */
int secret_hash_parse(const char *text, uint8_t ret[SECRET_HASH_BYTES]);

#endif
