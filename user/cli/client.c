// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Arguments in, one HTTP GET, the reply or an error for people out. */
#include "user/cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/timespec.h"
#include "user/lib/units.h"

struct body {
	char *text;
	size_t len, size;
	bool is_too_large;
	/* of a download: where a good answer goes; NULL: into text */
	FILE *out;
	CURL *curl;
	bool shows_progress;
	uint64_t written;
};

const char *client_url(const struct client_options *options)
{
	const char *url = options->url ? options->url : getenv("WIRETALLY_URL");

	return url && *url ? url : CLIENT_URL;
}

int client_query_init(struct client_query *q, const char *path)
{
	memset(q, 0, sizeof(*q));
	q->out = open_memstream(&q->text, &q->len);
	if (!q->out)
		return -ENOMEM;
	fputs(path, q->out);
	return 0;
}

void client_query_done(struct client_query *q)
{
	if (q->out)
		fclose(q->out);
	free(q->text);
	memset(q, 0, sizeof(*q));
}

void client_query_arg(struct client_query *q, const char *name, const char *value)
{
	char *escaped;

	if (!value || !*value || !q->out)
		return;
	escaped = curl_easy_escape(NULL, value, 0);
	fprintf(q->out, "%c%s=%s", q->has_args ? '&' : '?', name, escaped ? escaped : "");
	curl_free(escaped);
	q->has_args = true;
}

void client_query_number(struct client_query *q, const char *name, unsigned long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", value);
	client_query_arg(q, name, text);
}

/* A point in time in our zone, as µs; sixteen digits are µs whatever the year. */
static int query_time(struct client_query *q, const char *name, const char *value)
{
	struct timespec now;
	char text[24];
	int64_t us;

	if (!value)
		return COMMAND_GO_ON;
	clock_gettime(CLOCK_REALTIME, &now);
	if (timespec_parse(value, now.tv_sec * 1000000LL + now.tv_nsec / 1000, &us) || us < 0) {
		command_error("--%s: '%.40s' is not a time (like 12:30, -2h or '2026-01-31 12:30')",
			      name, value);
		return EXIT_USAGE;
	}
	snprintf(text, sizeof(text), "%016lld", (long long)us);
	client_query_arg(q, name, text);
	return COMMAND_GO_ON;
}

int client_query_range(struct client_query *q, const struct range_options *range)
{
	int status;
	int64_t us;

	if (range->last && (range->from || range->to)) {
		command_error("--last does not go with --from or --to");
		return EXIT_USAGE;
	}
	if (range->last && strcmp(range->last, "all") &&
	    timespec_parse_duration(range->last, &us)) {
		command_error("--last: '%.40s' is not a duration (like 5m or 7d) or all",
			      range->last);
		return EXIT_USAGE;
	}
	client_query_arg(q, "last", range->last);
	status = query_time(q, "from", range->from);
	return status == COMMAND_GO_ON ? query_time(q, "to", range->to) : status;
}

static void show_progress(const struct body *body, bool is_last)
{
	char text[UNITS_TEXT_MAX];

	if (body->shows_progress)
		fprintf(stderr, "\r%s\033[K%s", units_format_bytes(body->written, text),
			is_last ? "\n" : "");
}

static size_t download_bytes(struct body *body, const char *bytes, size_t len)
{
	uint64_t step = body->written >> 20;

	if (fwrite(bytes, 1, len, body->out) != len)
		return 0;
	body->written += len;
	if (body->written >> 20 != step)
		show_progress(body, false);
	return len;
}

static size_t take_bytes(char *bytes, size_t one, size_t len, void *user)
{
	struct body *body = user;
	long status = 0;

	if (body->out && !curl_easy_getinfo(body->curl, CURLINFO_RESPONSE_CODE, &status) &&
	    status == 200)
		return download_bytes(body, bytes, len);
	if (len > CLIENT_REPLY_MAX - body->len) {
		body->is_too_large = true;
		return 0;
	}
	if (body->len + len + 1 > body->size) {
		size_t size = 2 * (body->len + len) + 4096;
		char *text = realloc(body->text, size);

		if (!text)
			return 0;
		body->text = text;
		body->size = size;
	}
	memcpy(body->text + body->len, bytes, len);
	body->len += len;
	body->text[body->len] = '\0';
	return len;
}

/*
 *   wiretally: unknown word 'prot'; did you mean 'proto'?
 *       src ip 10.0.0.1 and prot tcp
 *                           ^
 */
static void say_refusal(const struct client_error *error, const char *filter)
{
	command_error("%s", error->message);
	if (!filter || error->position < 0)
		return;
	fputs("    ", stderr);
	for (const char *c = filter; *c; c++)
		fputc((unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c, stderr);
	fprintf(stderr, "\n    %*s^\n", (int)(error->position % 100000), "");
}

/* What is wrong, to who asked for it, else to stderr. */
__attribute__((format(printf, 2, 3))) static void say(const struct client_options *options,
						      const char *fmt, ...)
{
	char text[sizeof(options->error->message)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!options->error) {
		command_error("%s", text);
		return;
	}
	options->error->position = -1;
	memcpy(options->error->message, text, sizeof(text));
}

static void keep_refusal(struct client_error *to, const json_t *error)
{
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *parameter = json_string_value(json_object_get(error, "parameter"));
	json_t *position = json_object_get(error, "position");
	bool is_filter = parameter && !strcmp(parameter, "filter") && json_is_integer(position);

	snprintf(to->message, sizeof(to->message), "%s",
		 message ? message : "the collector refuses, and does not say why");
	to->position = is_filter ? (long)json_integer_value(position) : -1;
}

static int refused(const struct client_options *options, long status, const char *body,
		   const char *filter)
{
	AUTO_JSON json_t *root = json_loads(body ? body : "", 0, NULL);
	json_t *error = json_object_get(root, "error");
	struct client_error refusal = { .position = -1 };

	if (options->json && error)
		puts(body);
	if (error)
		keep_refusal(&refusal, error);
	if (error && options->error)
		*options->error = refusal;
	else if (error && (!options->is_quiet || status == 400))
		say_refusal(&refusal, filter);
	else if (!error && !options->is_quiet)
		say(options, "%s answers with HTTP status %ld: is that a wiretally collector?",
		    client_url(options), status);
	return error && status == 400 ? EXIT_USAGE : EXIT_FAILED;
}

static int failed(const struct client_options *options, CURLcode code, const struct body *body,
		  const char *why)
{
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return EXIT_DONE;
	if (options->is_quiet)
		return EXIT_FAILED;
	if (code == CURLE_COULDNT_CONNECT)
		say(options, "no collector at %s: start one with `wiretally run`",
		    client_url(options));
	else if (body->is_too_large)
		say(options, "the reply is larger than %u MiB: ask for less",
		    CLIENT_REPLY_MAX >> 20);
	else
		say(options, "%s: %s", client_url(options), *why ? why : curl_easy_strerror(code));
	return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ? EXIT_USAGE
										 : EXIT_FAILED;
}

/* curl calls it at least once a second. */
static int is_stopped(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
		      curl_off_t up)
{
	struct pollfd stop = { .fd = *(const int *)user, .events = POLLIN };

	return poll(&stop, 1, 0) > 0;
}

static CURLcode perform(const struct client_options *options, CURL *curl, const char *url,
			struct body *body, char *why, long *status)
{
	CURLcode code;

	body->curl = curl;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (getenv("WIRETALLY_CA"))
		curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("WIRETALLY_CA"));
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT,
			 (long)(body->out ? CLIENT_DOWNLOAD_SECONDS : CLIENT_SECONDS));
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "wiretally/" WT_VERSION);
	curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	if (options->stop_fd) {
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_stopped);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &options->stop_fd);
	}
	code = curl_easy_perform(curl);
	if (!code)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	return code;
}

/* --url and the path, with one slash between them. */
static char *whole_url(const struct client_options *options, const struct client_query *q,
		       bool fresh)
{
	const char *url = client_url(options);
	size_t len = strlen(url);
	char *whole = NULL;

	while (len && url[len - 1] == '/')
		len--;
	return asprintf(&whole, "%.*s%s%s", (int)len, url, q->text,
			!fresh	      ? ""
			: q->has_args ? "&fresh=1"
				      : "?fresh=1") < 0
		       ? NULL
		       : whole;
}

/* $WIRETALLY_TOKEN_FILE, only ever sent over TLS. False: no memory. */
static bool add_token(const char *url, struct curl_slist **headers)
{
	const char *path = getenv("WIRETALLY_TOKEN_FILE");
	AUTO_FILE FILE *f = path && !strncmp(url, "https://", 8) ? fopen(path, "re") : NULL;
	char token[128], line[192];

	if (!f || !fgets(token, sizeof(token), f))
		return true; /* the collector will say that it wants one */
	token[strcspn(token, "\r\n")] = '\0';
	snprintf(line, sizeof(line), "Authorization: Bearer %s", token);
	*headers = curl_slist_append(NULL, line);
	explicit_bzero(token, sizeof(token));
	explicit_bzero(line, sizeof(line));
	return *headers != NULL;
}

/* One question, one answer; body->text is the caller's. */
static CURLcode ask(const struct client_options *options, const struct client_query *q, bool fresh,
		    struct body *body, char *why, long *status)
{
	AUTO_FREE char *url = whole_url(options, q, fresh);
	struct curl_slist *headers = NULL;
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;

	if (url && curl && add_token(url, &headers)) {
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		code = perform(options, curl, url, body, why, status);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return code;
}

int client_get(const struct client_options *options, struct client_query *q, char **ret,
	       size_t *ret_len)
{
	char why[CURL_ERROR_SIZE] = "";
	struct body body = { 0 };
	long status = 0;
	CURLcode code;
	int exit_status;

	fclose(q->out);
	q->out = NULL;
	code = ask(options, q, q->wants_fresh, &body, why, &status);
	if (!code && status == 503 && q->wants_fresh) {
		/* it has more to store than it can within its patience: what it has, then */
		free(body.text);
		body = (struct body){ 0 };
		code = ask(options, q, false, &body, why, &status);
		if (!code && status == 200)
			command_error("the collector is busy: what came last may not be in yet");
	}
	if (!code && status == 200 && body.text) {
		*ret = body.text;
		*ret_len = body.len;
		return COMMAND_GO_ON;
	}
	exit_status = code ? failed(options, code, &body, why)
			   : refused(options, status, body.text, q->filter);
	free(body.text);
	return exit_status;
}

int client_download(const struct client_options *options, struct client_query *q, FILE *out)
{
	struct body body = { .out = out, .shows_progress = isatty(STDERR_FILENO) };
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;
	int exit_status = EXIT_DONE;

	fclose(q->out);
	q->out = NULL;
	code = ask(options, q, q->wants_fresh, &body, why, &status);
	if (body.written)
		show_progress(&body, true);
	if (code || status != 200)
		exit_status = code ? failed(options, code, &body, why)
				   : refused(options, status, body.text, q->filter);
	free(body.text);
	return exit_status;
}

int client_get_json(const struct client_options *options, struct client_query *q, json_t **ret)
{
	AUTO_FREE char *body = NULL;
	json_error_t error;
	size_t len = 0;
	int status = client_get(options, q, &body, &len);

	if (status != COMMAND_GO_ON)
		return status;
	if (options->csv) {
		fwrite(body, 1, len, stdout);
		return EXIT_DONE;
	}
	*ret = json_loadb(body, len, 0, &error);
	if (!*ret) {
		say(options, "%s answers without JSON: is that a wiretally collector?",
		    client_url(options));
		return EXIT_FAILED;
	}
	if (options->json) {
		fwrite(body, 1, len, stdout);
		putchar('\n');
	}
	return COMMAND_GO_ON;
}
