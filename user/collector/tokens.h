/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Who may come over TLS: a file with a line each, made by `wiretally token`:
 *
 *   # role  name  SHA-256 of the token
 *   agent   web1  9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 *   read    noc   …
 *
 * An agent's token writes batches of the agent of that name and nothing else; a reader's asks.
 */
#ifndef WT_TOKENS_H
#define WT_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/cleanup.h"
#include "user/lib/secret.h"
#define TOKEN_NAME_MAX 65 /* as an agent's, with NUL */

#define TOKENS_MAX 65536 /* lines; more are an error */
#define TOKENS_LINE_MAX 256

enum token_role { TOKEN_AGENT, TOKEN_READ, TOKEN_ROLES };

struct token {
	uint8_t hash[SECRET_HASH_BYTES];
	enum token_role role;
	char name[TOKEN_NAME_MAX];
};

struct tokens;

/* Reads the file. 0 or -errno, logged with its line. */
int tokens_open(const char *path, struct tokens **ret);
void tokens_close(struct tokens *t);
DEFINE_AUTO(tokens_close, struct tokens *);

/* Reads it again; what cannot be read changes nothing. Any thread. */
int tokens_reload(struct tokens *t);

/* "Bearer wt_…" (or NULL) as it came: true, and whose it is. Any thread. */
bool tokens_check(struct tokens *t, const char *authorization, struct token *ret);

#endif
