// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The command line in, checked settings out. */
#include "user/collector/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/judge.h"
#include "user/collector/keep.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"
#include "user/lib/options.h"
#include "user/lib/options_doc.h"
#include "user/sinks/sink_kinds.h"
#include "user/sinks/sinks.h"

#define AT(field) offsetof(struct settings, field)

static const struct option_row rows[] = {
	{ "config", 'c', OPTION_TEXT, AT(config), "FILE", NULL, .only_argv = true,
	  .help = "read options from FILE (YAML: 'listen: 127.0.0.1:9101'); those given here come first. SIGHUP reads it again" },
	{ "check", 0, OPTION_FLAG, AT(check), .only_argv = true,
	  .help = "say whether all options are right, and do nothing" },
	{ "data", 'd', OPTION_TEXT, AT(data), "DIR", "/var/lib/wiretally",
	  .help = "folder of the store and its log" },
	{ "listen", 'l', OPTION_TEXT, AT(listen), "ADDR:PORT", "127.0.0.1:9101",
	  .help = "API for people and Prometheus; port 0: any free one" },
	{ "socket", 's', OPTION_TEXT, AT(socket), "PATH", "/run/wiretally/collector.sock",
	  .help = "Unix socket that agents of this host ship to" },
	{ "tls-listen", 0, OPTION_TEXT, AT(tls_listen), "ADDR:PORT", NULL,
	  .help = "TLS for agents and people of other hosts, who have tokens" },
	{ "tls-cert", 0, OPTION_TEXT, AT(tls_cert), "FILE", NULL,
	  .help = "its certificate, and those it is signed by (PEM)" },
	{ "tls-key", 0, OPTION_TEXT, AT(tls_key), "FILE", NULL,
	  .help = "the certificate's key (PEM); read before root is given up" },
	{ "tokens", 0, OPTION_TEXT, AT(tokens), "FILE", NULL,
	  .help = "who may come (wiretally token); SIGHUP reads it again" },
	{ "exporters", 'e', OPTION_TEXT, AT(exporters), "ADDR:PORT,…", NULL,
	  .help = "take NetFlow v5, v9, IPFIX and sFlow v5 there, over UDP: 0.0.0.0:2055,[::]:6343" },
	{ "receive-buffer", 0, OPTION_BYTES, AT(receive_bytes), "SIZE", "32M", .min = 64u << 10,
	  .max = 1u << 30, .help = "what each of these sockets may hold while the store is busy" },
	{ "sink", 0, OPTION_LIST, AT(sinks), "URL",
	  .help = "send rows there, too: ipfix://HOST:PORT, ipfix+tcp://…, netflow9://…, file:/PATH, parquet:/PATH.parquet, kafka://HOST:PORT/TOPIC, otlp+http://HOST:PORT; repeatable" },
	{ "alert", 0, OPTION_LIST, AT(alerts), "NAME=LIMIT",
	  .help = "another limit of an alert, and for how long (ConnectsFail=0.5/2m), or NAME=off; docs/alerts.md names them; repeatable" },
	{ "keep", 'k', OPTION_TEXT, AT(keep), "TIMES", KEEP_DEFAULT,
	  .help = "ages at which records, minutes and hours of flows are dropped; the rest goes with minutes" },
	{ "max-disk", 0, OPTION_BYTES, AT(max_disk_bytes), "SIZE", "10G", .min = 64u << 20,
	  .max = UINT64_C(1) << 50,
	  .help = "size at which the oldest records are dropped, then minutes, then hours" },
	{ "memory", 'm', OPTION_BYTES, AT(memory_bytes), "SIZE", "512M", .min = 128u << 20,
	  .max = UINT64_C(1) << 42,
	  .help = "of all: three eighths for the database, which then spills to disk, a quarter for sums, a tenth for batches under way" },
	{ "threads", 't', OPTION_NUMBER, AT(threads), "N", "2", .min = 1, .max = 256,
	  .help = "threads a query may use" },
	{ "user", 'u', OPTION_TEXT, AT(user), "NAME", NULL,
	  .help = "become NAME when started as root (wiretally, else nobody)" },
	{ "ready-fd", 0, OPTION_NUMBER, AT(ready_fd), "N", NULL, .min = 3, .max = 1u << 20,
	  .only_argv = true, .help = "write a line to descriptor N once requests are answered" },
	{ "insecure-listen", 0, OPTION_FLAG, AT(insecure_listen),
	  .help = "allow --listen beyond loopback, although it has no TLS and no tokens yet" },
	{ "log-json", 0, OPTION_FLAG, AT(log_json), .help = "log lines as JSON objects" },
	{ "version", 'V', OPTION_FLAG, AT(version), .only_argv = true,
	  .help = "print the version" },
	{ "help", 'h', OPTION_FLAG, AT(help), .only_argv = true, .help = "print this" },
};

void settings_help(FILE *out)
{
	fputs("usage: wiretally-collector [OPTION]…\n"
	      "Stores what agents ship, and answers questions about it.\n\n",
	      out);
	options_help(rows, ARRAY_LEN(rows), out);
}

static const struct options_doc doc = {
	.name = "wiretally-collector",
	.section = 8,
	.summary = "stores what agents ship, and answers questions about it",
	.usage = "[OPTION]…",
	.about =
		"Listens on loopback and a Unix socket. A file of options (--config) is YAML, an "
		"option's name and its value a line; a list where it may be given several times. "
		"SIGHUP reads it and the tokens again: ages, sizes, alerts and sinks are taken over at once.",
	.examples = "listen: 127.0.0.1:9101\nkeep: { raw: 12h, minute: 14d }\n"
		    "exporters: [ \"0.0.0.0:2055\" ]\nsink:\n  - ipfix://10.0.0.5:4739\n",
	.rows = rows,
	.len = ARRAY_LEN(rows),
};

static int parse(int argc, char **argv, struct settings *ret)
{
	char why[KEEP_ERROR_MAX];
	struct option_error error;
	int rest;

	if (options_parse_with_file(rows, ARRAY_LEN(rows), ret, argc, argv, &rest, &error)) {
		fprintf(stderr, "wiretally-collector: %s\n", error.message);
		return -EINVAL;
	}
	if (rest < argc) {
		fprintf(stderr, "wiretally-collector: unexpected argument '%s'\n", argv[rest]);
		return -EINVAL;
	}
	if (!!ret->tls_listen != (ret->tls_cert && ret->tls_key && ret->tokens) ||
	    !ret->tls_listen != !(ret->tls_cert || ret->tls_key || ret->tokens)) {
		fputs("wiretally-collector: --tls-listen, --tls-cert, --tls-key and --tokens belong together\n",
		      stderr);
		return -EINVAL;
	}
	if (ret->exporters && inlet_sockets_parse(ret->exporters, &ret->inlet)) {
		fprintf(stderr,
			"wiretally-collector: --exporters '%s' is not ADDR:PORT, or up to %d of them with commas\n",
			ret->exporters, INLET_SOCKETS_MAX);
		return -EINVAL;
	}
	if (keep_parse(ret->keep, ret->keep_us, why)) {
		fprintf(stderr, "wiretally-collector: --keep '%s': %s\n", ret->keep, why);
		return -EINVAL;
	}
	return 0;
}

int settings_parse(int argc, char **argv, struct settings *ret)
{
	enum options_doc_kind kind = options_doc_asked(argc, argv);
	int err;

	if (kind) {
		options_doc_print(&doc, kind, stdout);
		exit(0);
	}
	err = parse(argc, argv, ret);
	if (!err)
		err = judge_set_limits(&ret->alerts);
	sinks_init("wiretally-collector", &sink_kinds_all);
	return err ? err : sinks_set(&ret->sinks);
}

static const char *const taken_over[] = { "keep", "max-disk", "alert", "sink" };

static void needs_restart(void *arg, const struct option_row *row)
{
	for (size_t i = 0; i < ARRAY_LEN(taken_over); i++)
		if (!strcmp(row->name, taken_over[i]))
			return;
	log_warn("'%s' is another now: that takes a restart", row->name);
}

/* Limits can be put back, so they come before the sinks. */
static int take_over(const struct settings *fresh, const struct settings *before)
{
	int err = judge_set_limits(&fresh->alerts);

	if (!err)
		err = sinks_set(&fresh->sinks);
	if (err)
		judge_set_limits(&before->alerts);
	return err;
}

int settings_reload(int argc, char **argv, struct settings *s)
{
	struct settings fresh = { 0 };
	int err = parse(argc, argv, &fresh);

	if (!err)
		err = take_over(&fresh, s);
	if (err)
		return err;
	options_diff(rows, ARRAY_LEN(rows), s, &fresh, needs_restart, NULL);
	s->keep = fresh.keep;
	memcpy(s->keep_us, fresh.keep_us, sizeof(s->keep_us));
	s->max_disk_bytes = fresh.max_disk_bytes;
	s->alerts = fresh.alerts;
	s->sinks = fresh.sinks;
	return 0;
}
