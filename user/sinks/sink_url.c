// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The text of an address in, its parts out. */
#include "user/sinks/sink_url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/units.h"

static int split_options(struct sink_url *url, char *text)
{
	char *at = NULL;

	for (char *word = strtok_r(text, "&", &at); word; word = strtok_r(NULL, "&", &at)) {
		char *value = strchr(word, '=');

		if (url->options_len == SINK_URL_OPTIONS_MAX)
			return -EINVAL;
		if (value)
			*value++ = '\0';
		if (!value)
			value = word + strlen(word);
		url->options[url->options_len++] = (struct sink_url_option){ word, value, false };
	}
	return 0;
}

int sink_url_parse(const char *rest, struct sink_url *ret)
{
	char *question, *slash;

	memset(ret, 0, sizeof(*ret));
	if (strlen(rest) >= sizeof(ret->text))
		return -EINVAL;
	strcpy(ret->text, rest);
	question = strchr(ret->text, '?');
	if (question)
		*question++ = '\0';
	ret->authority = ret->text + strlen(ret->text);
	ret->path = ret->text;
	if (!strncmp(ret->text, "//", 2)) {
		/* the host moves one to the left, so that its end does not eat the path's slash */
		slash = ret->text + 2 + strcspn(ret->text + 2, "/");
		ret->authority = ret->text + 1;
		memmove(ret->authority, ret->authority + 1, (size_t)(slash - ret->authority - 1));
		slash[-1] = '\0';
		ret->path = slash;
	}
	return question ? split_options(ret, question) : 0;
}

int sink_url_host(struct sink_url *url, const char **ret_host, const char **ret_port)
{
	char *colon = strrchr(url->authority, ':'), *host = url->authority;
	size_t len;
	uint64_t port;

	if (!colon || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")] ||
	    units_parse_count(colon + 1, &port) || !port || port > 65535)
		return -EINVAL;
	*colon = '\0';
	len = strlen(host);
	if (*host == '[' && len > 2 && host[len - 1] == ']') {
		host[len - 1] = '\0';
		host++;
	}
	*ret_host = host;
	*ret_port = colon + 1;
	return *host ? 0 : -EINVAL;
}

const char *sink_url_option(struct sink_url *url, const char *name)
{
	for (size_t i = 0; i < url->options_len; i++) {
		if (strcmp(url->options[i].name, name) != 0)
			continue;
		url->options[i].is_used = true;
		return url->options[i].value;
	}
	return NULL;
}

int sink_url_number(struct sink_url *url, const char *name, uint64_t min, uint64_t max,
		    uint64_t *ret)
{
	const char *text = sink_url_option(url, name);
	uint64_t n;

	if (!text)
		return 0;
	if (units_parse_count(text, &n) || n < min || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

const char *sink_url_unused(const struct sink_url *url)
{
	for (size_t i = 0; i < url->options_len; i++)
		if (!url->options[i].is_used)
			return url->options[i].name;
	return NULL;
}
