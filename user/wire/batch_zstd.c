// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Bytes to zstd frames and, with a limit, back. */
#include "user/wire/batch.h"

#include <errno.h>
#include <zstd.h>

#define ZSTD_LEVEL 1
#define WINDOW_LOG_MAX 23 /* 8 MiB, what BATCH_BYTES_MAX can need: a frame cannot ask for more */
#define GROW_FROM_BYTES (64u << 10)

DEFINE_AUTO(ZSTD_freeDStream, ZSTD_DStream *);

int batch_compress(const void *bytes, size_t len, uint8_t **ret, size_t *ret_len)
{
	size_t bound = ZSTD_compressBound(len);
	AUTO_FREE uint8_t *out = NULL;
	size_t done;

	if (ZSTD_isError(bound))
		return -EINVAL;
	out = malloc(bound);
	if (!out)
		return -ENOMEM;
	done = ZSTD_compress(out, bound, bytes, len, ZSTD_LEVEL);
	if (ZSTD_isError(done))
		return -ENOMEM;
	*ret = TAKE(out);
	*ret_len = done;
	return 0;
}

/*
 * Doubles until max. The buffer is always one byte larger than what is allowed, so that "full"
 * and "too much" can be told apart.
 */
static int grow(uint8_t **buf, size_t *size, size_t max)
{
	size_t want = *size ? *size * 2 : GROW_FROM_BYTES;
	uint8_t *bigger;

	if (*size > max)
		return -EBADMSG;
	if (want > max)
		want = max + 1;
	bigger = realloc(*buf, want);
	if (!bigger)
		return -ENOMEM;
	*buf = bigger;
	*size = want;
	return 0;
}

/* A frame's own claim of its size is never believed: memory grows with what really comes out. */
int batch_decompress(const void *bytes, size_t len, size_t max, uint8_t **ret, size_t *ret_len)
{
	AUTO(ZSTD_freeDStream) ZSTD_DStream *stream = ZSTD_createDStream();
	AUTO_FREE uint8_t *buf = NULL;
	ZSTD_inBuffer in = { bytes, len, 0 };
	ZSTD_outBuffer out = { NULL, 0, 0 };
	size_t left = 1; /* 0 = at the end of a frame */
	int err;

	if (!stream ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		return -ENOMEM;
	do {
		size_t before = in.pos + out.pos;

		if (out.pos == out.size) {
			err = grow(&buf, &out.size, max);
			if (err)
				return err;
			out.dst = buf;
			before = SIZE_MAX;
		}
		left = ZSTD_decompressStream(stream, &out, &in);
		if (ZSTD_isError(left) || in.pos + out.pos == before)
			return -EBADMSG;
	} while (left != 0 || in.pos < in.size);
	if (out.pos > max)
		return -EBADMSG;
	*ret = TAKE(buf);
	*ret_len = out.pos;
	return 0;
}
