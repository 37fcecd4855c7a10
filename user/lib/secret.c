// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Randomness in, tokens and their hashes as text out. */
#include "user/lib/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

static void to_hex(const uint8_t *bytes, size_t len, char *ret)
{
	for (size_t i = 0; i < len; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

int secret_new(char ret[SECRET_TEXT_MAX])
{
	uint8_t bytes[32];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	strcpy(ret, SECRET_PREFIX);
	to_hex(bytes, sizeof(bytes), ret + strlen(SECRET_PREFIX));
	explicit_bzero(bytes, sizeof(bytes));
	return 0;
}

int secret_hash(const char *text, uint8_t ret[SECRET_HASH_BYTES])
{
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), ret) ? -EIO : 0;
}

void secret_hash_format(const uint8_t hash[SECRET_HASH_BYTES], char ret[SECRET_HASH_TEXT_MAX])
{
	to_hex(hash, SECRET_HASH_BYTES, ret);
}

int secret_hash_parse(const char *text, uint8_t ret[SECRET_HASH_BYTES])
{
	unsigned int byte;

	if (strlen(text) != 2 * SECRET_HASH_BYTES ||
	    strspn(text, "0123456789abcdef") != 2 * SECRET_HASH_BYTES)
		return -EINVAL;
	for (size_t i = 0; i < SECRET_HASH_BYTES; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		ret[i] = (uint8_t)byte;
	}
	return 0;
}
