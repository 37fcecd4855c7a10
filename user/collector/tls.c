// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Two paths in, two PEM texts that fit together out. */
#include "user/collector/tls.h"

#include <errno.h>
#include <string.h>

#include <gnutls/gnutls.h>

#include "user/lib/log.h"

static int read_text(const char *path, char **ret)
{
	AUTO_FILE FILE *f = fopen(path, "re");
	AUTO_FREE char *text = calloc(1, TLS_FILE_MAX + 1);
	size_t len;

	if (!f) {
		int err = errno;

		log_error("TLS: '%s': %s", path, strerror(err));
		return -err;
	}
	if (!text)
		return -ENOMEM;
	len = fread(text, 1, TLS_FILE_MAX, f);
	if (ferror(f) || len == TLS_FILE_MAX) {
		log_error("TLS: '%s' cannot be read, or is too large", path);
		return -EIO;
	}
	*ret = TAKE(text);
	return 0;
}

/* What a browser would find out later. */
static int check(const struct tls *t, const char *cert_path, const char *key_path)
{
	gnutls_datum_t cert = { (unsigned char *)t->cert, (unsigned int)strlen(t->cert) };
	gnutls_datum_t key = { (unsigned char *)t->key, (unsigned int)strlen(t->key) };
	gnutls_certificate_credentials_t credentials;
	int err = gnutls_certificate_allocate_credentials(&credentials);

	if (err < 0)
		return -ENOMEM;
	err = gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	if (err >= 0)
		return 0;
	log_error("TLS: certificate '%s' and key '%s': %s", cert_path, key_path,
		  gnutls_strerror(err));
	return -EINVAL;
}

int tls_read(const char *cert_path, const char *key_path, struct tls *ret)
{
	struct tls t = { 0 };
	int err = read_text(cert_path, &t.cert);

	if (!err)
		err = read_text(key_path, &t.key);
	if (!err)
		err = check(&t, cert_path, key_path);
	if (err)
		tls_done(&t);
	else
		*ret = t;
	return err;
}

void tls_done(struct tls *t)
{
	if (t->key)
		explicit_bzero(t->key, strlen(t->key));
	free(t->key);
	free(t->cert);
	*t = (struct tls){ 0 };
}
