/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Certificate and key of the TLS listener: files read while root may still do so. */
#ifndef WT_TLS_H
#define WT_TLS_H

#include "user/lib/cleanup.h"

#define TLS_FILE_MAX (1u << 20)
/* GnuTLS priorities: 1.2 and 1.3, nothing older. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls {
	char *cert, *key; /* PEM */
};

/* 0 or -errno, logged: a file that cannot be read, or that is no PEM of its kind. */
int tls_read(const char *cert_path, const char *key_path, struct tls *ret);
void tls_done(struct tls *t); /* the key's memory is cleared */

#endif
