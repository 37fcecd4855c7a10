// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Who may ask: peers of the Unix socket by their credentials, requests over TCP by Host and
 * Origin, over TLS by their token. A page from elsewhere whose name resolves to this machine (DNS
 * rebinding) sends its own
 * name in both.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "user/lib/listen.h"
#include "user/collector/server_internal.h"

#define PEER_GROUPS_MAX 256
#define HOST_MAX 256

bool guard_peer_is_allowed(int fd)
{
	gid_t groups[PEER_GROUPS_MAX];
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	if (peer.uid == 0 || peer.uid == geteuid() || peer.gid == getegid())
		return true;
	len = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == getegid())
			return true;
	return false;
}

/* The host of "name:port", "[v6]:port", "name" into host; false when it is none. */
static bool split_host(const char *text, char host[HOST_MAX])
{
	const char *end = *text == '[' ? strchr(text, ']') : strchrnul(text, ':');
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - text) + (*text == '[');
	if (!len || len >= HOST_MAX)
		return false;
	if (text[len] == ':' && strspn(text + len + 1, "0123456789") != strlen(text + len + 1))
		return false;
	if (text[len] && text[len] != ':')
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return true;
}

static bool is_address(const char *host)
{
	struct in6_addr addr;
	char inner[HOST_MAX];

	if (*host != '[')
		return inet_pton(AF_INET, host, &addr) == 1;
	snprintf(inner, sizeof(inner), "%.*s", (int)strlen(host) - 2, host + 1);
	return inet_pton(AF_INET6, inner, &addr) == 1;
}

static bool host_is_ours(const struct server *s, const char *text)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
	char host[HOST_MAX], own[HOST_MAX], address[LISTEN_TEXT_MAX];

	if (!split_host(text, host))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcasecmp(host, names[i]))
			return true;
	listen_format(s->parts.tcp_address, address);
	if (split_host(address, own) && !strcasecmp(host, own))
		return true;
	/* listening everywhere: a rebinding page comes with a name, never with a bare address */
	return s->parts.tcp_address->is_any && is_address(host);
}

static bool origin_is_ours(const struct server *s, const char *origin)
{
	const char *host = strstr(origin, "://");

	return host && host_is_ours(s, host + 3);
}

/* A page of another site that loads something from here: browsers say so (W3C Fetch Metadata). */
static bool is_for_others(struct MHD_Connection *mhd)
{
	const char *site = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Sec-Fetch-Site");
	const char *mode = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Sec-Fetch-Mode");

	if (!site || (strcmp(site, "cross-site") != 0 && strcmp(site, "same-site") != 0))
		return false;
	return !mode || strcmp(mode, "navigate") != 0; /* a link to here may be followed */
}

const char *guard_refusal(const struct server *s, const struct connection *c,
			  struct MHD_Connection *mhd)
{
	const char *host = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Host");
	const char *origin = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Origin");

	if (origin && !origin_is_ours(s, origin))
		return "Origin is not this collector";
	if (is_for_others(mhd))
		return "another site's page asks";
	if (c->is_tls) /* a page from elsewhere has no token; Host may be any name of ours */
		return NULL;
	if (c->is_unix)
		return c->is_allowed ? NULL
				     : "peer is neither root nor of the collector's user or group";
	if (!host || !host_is_ours(s, host))
		return "Host is not a name of this collector";
	return NULL;
}

/* What browsers can send: the token as the password of any user, as "Bearer …". */
static bool basic_password(struct MHD_Connection *mhd, char to[TOKENS_LINE_MAX])
{
	char *password = NULL, *user = MHD_basic_auth_get_username_password(mhd, &password);
	int len = password ? snprintf(to, TOKENS_LINE_MAX, "Bearer %s", password) : -1;

	MHD_free(user);
	MHD_free(password);
	return len >= 0 && len < TOKENS_LINE_MAX;
}

unsigned int guard_token(const struct server *s, struct MHD_Connection *mhd, bool is_post,
			 struct token *ret, const char **why)
{
	const char *authorization =
		MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Authorization");
	char basic[TOKENS_LINE_MAX];

	if (basic_password(mhd, basic))
		authorization = basic;
	*why = "want Authorization: Bearer and a token of this collector (wiretally token)";
	if (!tokens_check(s->parts.tokens, authorization, ret))
		return 401;
	*why = is_post ? "this token is for asking, not for batches"
		       : "this token is an agent's: it writes batches, and does not ask";
	return (ret->role == TOKEN_AGENT) == is_post ? 0 : 403;
}
