// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The file of tokens: what it takes, whom it lets in, and what a bad one changes. */
#include "user/collector/tokens.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static char path[64];

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void setup(void)
{
	int fd;

	strcpy(path, "/tmp/wt-tokens.XXXXXX");
	fd = mkstemp(path);
	cr_assert(fd >= 0);
	close(fd);
}

static void teardown(void)
{
	unlink(path);
}

TestSuite(tokens, .init = setup, .fini = teardown);

/* "agent web1 <hash>\n" of a new token. */
static void line_of(const char *role, const char *name, char token[SECRET_TEXT_MAX], char line[256])
{
	uint8_t hash[SECRET_HASH_BYTES];
	char hex[SECRET_HASH_TEXT_MAX];

	cr_assert(secret_new(token) == 0 && secret_hash(token, hash) == 0);
	secret_hash_format(hash, hex);
	snprintf(line, 256, "%s %s %s\n", role, name, hex);
}

static bool check(struct tokens *t, const char *token, struct token *ret)
{
	char header[128];

	snprintf(header, sizeof(header), "Bearer %s", token);
	return tokens_check(t, header, ret);
}

Test(tokens, those_in_the_file_are_let_in)
{
	AUTO(tokens_close) struct tokens *t = NULL;
	char agent[SECRET_TEXT_MAX], reader[SECRET_TEXT_MAX], other[SECRET_TEXT_MAX];
	char lines[2][256], text[600];
	struct token who;

	line_of("agent", "web1", agent, lines[0]);
	line_of("read", "noc", reader, lines[1]);
	cr_assert(secret_new(other) == 0);
	snprintf(text, sizeof(text), "# ours\n\n%s  \n%s", lines[0], lines[1]);
	write_file(text);
	cr_assert(tokens_open(path, &t) == 0);
	cr_assert(check(t, agent, &who));
	cr_expect(who.role == TOKEN_AGENT);
	cr_expect_str_eq(who.name, "web1");
	cr_assert(check(t, reader, &who));
	cr_expect(who.role == TOKEN_READ);
	cr_expect(!check(t, other, &who), "a token that nobody has");
	cr_expect(!tokens_check(t, NULL, &who), "no header");
	cr_expect(!tokens_check(t, agent, &who), "without Bearer");
	cr_expect(!tokens_check(t, "Basic d3Q6d3Q=", &who), "another scheme");
	cr_expect(!tokens_check(t, "Bearer ", &who), "nothing behind it");
}

Test(tokens, an_empty_file_lets_nobody_in)
{
	AUTO(tokens_close) struct tokens *t = NULL;
	struct token who;

	write_file("# nobody\n");
	cr_assert(tokens_open(path, &t) == 0);
	cr_expect(!check(t, "wt_0", &who));
}

Test(tokens, a_file_read_again_counts_and_a_bad_one_does_not)
{
	AUTO(tokens_close) struct tokens *t = NULL;
	char first[SECRET_TEXT_MAX], second[SECRET_TEXT_MAX], line[256];
	struct token who;

	line_of("agent", "a", first, line);
	write_file(line);
	cr_assert(tokens_open(path, &t) == 0);
	line_of("agent", "b", second, line);
	write_file(line);
	cr_assert(tokens_reload(t) == 0);
	cr_expect(!check(t, first, &who) && check(t, second, &who));
	write_file("agent b\n");
	cr_expect(tokens_reload(t) == -EINVAL);
	cr_expect(check(t, second, &who), "what was there stays");
}

Test(tokens, bad_lines_are_refused)
{
#define HASH "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	static const char *const lines[] = {
		"agent web1\n",
		"agent web1 9f86\n",
		"admin web1 " HASH "\n",
		"agent web1 " HASH " more\n",
		"agent web1 9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n",
		"agent aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa " HASH
		"\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct tokens *t = NULL;

		write_file(lines[i]);
		cr_expect(tokens_open(path, &t) == -EINVAL && !t, "'%s'", lines[i]);
	}
	unlink(path);
	cr_expect(tokens_open(path, &(struct tokens *){ NULL }) == -ENOENT);
}
