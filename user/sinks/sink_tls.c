// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A connected socket in, a session that was checked out. */
#include "user/sinks/sink_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/log.h"

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct sink_tls {
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session; /* NULL: none */
};

static int load(struct sink_tls *t, const char *ca, const char *cert, const char *key)
{
	int n = ca ? gnutls_certificate_set_x509_trust_file(t->credentials, ca, GNUTLS_X509_FMT_PEM)
		   : gnutls_certificate_set_x509_system_trust(t->credentials);

	if (n < 0 || (ca && !n)) {
		log_error("sink: --ca '%s': %s", ca ? ca : "the system's list",
			  n < 0 ? gnutls_strerror(n) : "it has no certificate");
		return -EINVAL;
	}
	if (!cert)
		return 0;
	n = gnutls_certificate_set_x509_key_file(t->credentials, cert, key, GNUTLS_X509_FMT_PEM);
	if (n < 0)
		log_error("sink: '%s' and '%s': %s", cert, key, gnutls_strerror(n));
	return n < 0 ? -EINVAL : 0;
}

int sink_tls_new(const char *ca, const char *cert, const char *key, struct sink_tls **ret)
{
	struct sink_tls *t = calloc(1, sizeof(*t));
	int err;

	if (!t || gnutls_certificate_allocate_credentials(&t->credentials)) {
		free(t);
		return -ENOMEM;
	}
	err = load(t, ca, cert, key);
	if (err)
		sink_tls_free(t);
	else
		*ret = t;
	return err;
}

void sink_tls_free(struct sink_tls *t)
{
	if (!t)
		return;
	sink_tls_end(t);
	gnutls_certificate_free_credentials(t->credentials);
	free(t);
}

static int set_up(struct sink_tls *t, int fd, const char *host)
{
	uint8_t address[16];
	int n = gnutls_init(&t->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);

	if (n)
		return n;
	n = gnutls_priority_set_direct(t->session, PRIORITIES, NULL);
	if (!n)
		n = gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->credentials);
	/* a name is also told to the other; an address is only compared */
	if (!n && inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, host, address) != 1)
		n = gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, host, strlen(host));
	gnutls_session_set_verify_cert(t->session, host, 0);
	gnutls_transport_set_int(t->session, fd);
	gnutls_handshake_set_timeout(t->session, SINK_TLS_HANDSHAKE_MS);
	return n;
}

int sink_tls_begin(struct sink_tls *t, int fd, const char *host)
{
	int n;

	sink_tls_end(t);
	n = set_up(t, fd, host);
	while (!n || n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) {
		n = gnutls_handshake(t->session);
		if (!n)
			return 0;
	}
	log_debug("sink: TLS with '%s': %s", host, gnutls_strerror(n));
	if (t->session)
		gnutls_deinit(t->session);
	t->session = NULL;
	if (n == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		return -EACCES;
	return n == GNUTLS_E_TIMEDOUT ? -ETIMEDOUT : -EPROTO;
}

int sink_tls_send(struct sink_tls *t, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = gnutls_record_send(t->session, bytes, len);

		if (n == GNUTLS_E_INTERRUPTED)
			continue;
		if (n <= 0)
			return -EPIPE;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

void sink_tls_end(struct sink_tls *t)
{
	if (!t->session)
		return;
	gnutls_bye(t->session, GNUTLS_SHUT_WR);
	gnutls_deinit(t->session);
	t->session = NULL;
}
