// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A file of hashed tokens and a header of a request in, who it is out. */
#include "user/collector/tokens.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "user/lib/log.h"

struct tokens {
	pthread_rwlock_t lock;
	char *path;
	struct token *at; /* by hash */
	size_t len;
};

static const char *const roles[TOKEN_ROLES] = { [TOKEN_AGENT] = "agent", [TOKEN_READ] = "read" };

static int compare(const void *a, const void *b)
{
	return memcmp(((const struct token *)a)->hash, ((const struct token *)b)->hash,
		      SECRET_HASH_BYTES);
}

static int parse_line(char *line, struct token *ret)
{
	char *at = NULL, *role = strtok_r(line, " \t\r\n", &at);
	char *name = strtok_r(NULL, " \t\r\n", &at), *hash = strtok_r(NULL, " \t\r\n", &at);
	const char *more = strtok_r(NULL, " \t\r\n", &at);

	if (!hash || more || strlen(name) >= sizeof(ret->name))
		return -EINVAL;
	strcpy(ret->name, name);
	for (int i = 0; i < TOKEN_ROLES; i++) {
		if (!strcmp(roles[i], role)) {
			ret->role = (enum token_role)i;
			return secret_hash_parse(hash, ret->hash);
		}
	}
	return -EINVAL;
}

static bool is_blank(const char *line)
{
	line += strspn(line, " \t\r\n");
	return !*line || *line == '#';
}

static int add(struct token **list, size_t *len, char *line)
{
	struct token *more;

	if (*len == TOKENS_MAX)
		return -E2BIG;
	if (*len % 64 == 0) {
		more = realloc(*list, (*len + 64) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		*list = more;
	}
	return parse_line(line, &(*list)[(*len)++]);
}

static int read_file(const char *path, struct token **ret, size_t *ret_len)
{
	AUTO_FILE FILE *f = fopen(path, "re");
	AUTO_FREE struct token *list = NULL;
	char line[TOKENS_LINE_MAX];
	size_t len = 0, number = 0;
	int err = 0;

	if (!f) {
		err = -errno;
		log_error("tokens '%s': %s", path, strerror(-err));
		return err;
	}
	while (!err && fgets(line, sizeof(line), f)) {
		number++;
		if (!is_blank(line))
			err = add(&list, &len, line);
	}
	if (err) {
		log_error("tokens '%s', line %zu: want 'agent NAME SHA256' or 'read NAME SHA256'%s",
			  path, number, err == -E2BIG ? ", and fewer" : "");
		return err;
	}
	if (len)
		qsort(list, len, sizeof(*list), compare);
	*ret = TAKE(list);
	*ret_len = len;
	return 0;
}

int tokens_open(const char *path, struct tokens **ret)
{
	AUTO(tokens_close) struct tokens *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	pthread_rwlock_init(&t->lock, NULL);
	t->path = strdup(path);
	if (!t->path)
		return -ENOMEM;
	err = read_file(path, &t->at, &t->len);
	if (err)
		return err;
	*ret = TAKE(t);
	return 0;
}

void tokens_close(struct tokens *t)
{
	if (!t)
		return;
	pthread_rwlock_destroy(&t->lock);
	free(t->path);
	free(t->at);
	free(t);
}

int tokens_reload(struct tokens *t)
{
	struct token *fresh;
	size_t len;
	int err = read_file(t->path, &fresh, &len);

	if (err)
		return err;
	pthread_rwlock_wrlock(&t->lock);
	free(t->at);
	t->at = fresh;
	t->len = len;
	pthread_rwlock_unlock(&t->lock);
	log_info("tokens '%s': %zu", t->path, len);
	return 0;
}

bool tokens_check(struct tokens *t, const char *authorization, struct token *ret)
{
	static const char scheme[] = "Bearer ";
	struct token wanted, *found = NULL;

	if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0 ||
	    strlen(authorization) > TOKENS_LINE_MAX ||
	    secret_hash(authorization + strlen(scheme), wanted.hash))
		return false;
	pthread_rwlock_rdlock(&t->lock);
	/* the time it takes tells of hashes, from which no token follows */
	if (t->len)
		found = bsearch(&wanted, t->at, t->len, sizeof(*found), compare);
	if (found)
		*ret = *found;
	pthread_rwlock_unlock(&t->lock);
	return found != NULL;
}
