// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The command line of `wiretally import`, file by file, and what it says about each. */
#include "user/cli/import.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/cli/import_print.h"
#include "user/cli/import_read.h"
#include "user/cli/import_send.h"
#include "user/lib/log.h"
#include "user/lib/units.h"
#include "user/wire/batch.h"

struct settings {
	const char *socket;
	const char *name;
	bool inner;
	bool print;
	bool help;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "socket", 0, OPTION_TEXT, AT(socket), "PATH", "/run/wiretally/collector.sock",
	  .help = "the collector's Unix socket" },
	{ "name", 0, OPTION_TEXT, AT(name), "NAME",
	  .help = "name the source NAME instead of the file's name" },
	{ "inner", 0, OPTION_FLAG, AT(inner),
	  .help = "record the packets inside GRE, IPIP, VXLAN and Geneve tunnels as well" },
	{ "print", 0, OPTION_FLAG, AT(print),
	  .help = "write the flows to stdout as JSON lines; no collector is needed" },
	{ "help", 'h', OPTION_FLAG, AT(help), .help = "print this" },
};

static const struct command_text text = {
	.usage = "wiretally import [OPTION]… FILE…",
	.about =
		"Reads capture files (pcap, pcapng; - is stdin) and hands their flows to the collector.",
	.examples = "  wiretally import trace.pcap\n"
		    "  tcpdump -w - -c 1000 | wiretally import --name live --print -\n",
};

/* What a file is called: the part behind the last slash, cleaned and cut to what a batch takes. */
static void name_exporter(const struct settings *settings, const char *path,
			  char name[BATCH_NAME_MAX])
{
	const char *slash = strrchr(path, '/');
	const char *base = settings->name ? settings->name : slash ? slash + 1 : path;

	snprintf(name, BATCH_NAME_MAX, "%s", strcmp(base, "-") == 0 ? "stdin" : base);
	for (char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

/* "cap.pcap: 12 packets (1.2 KiB) in 3 flows; 2 not parsed: 1 bad ihl, 1 truncated tcp" */
static void summarise(const char *path, const struct import_tally *tally, FILE *out)
{
	char packets[UNITS_TEXT_MAX], octets[UNITS_TEXT_MAX], flows[UNITS_TEXT_MAX];
	struct import_point sum;
	const char *comma = "";
	uint64_t refused;

	import_tally_sum(tally, 0, &sum);
	refused = sum.seen.packets - sum.recorded.packets;
	fprintf(out, "%s: %s packets (%s) in %s flows", path,
		units_format_exact(sum.seen.packets, packets),
		units_format_bytes(sum.seen.octets, octets),
		units_format_exact(tally->rows, flows));
	if (refused)
		fprintf(out, "; %s not parsed: ", units_format_exact(refused, packets));
	for (int i = 1; i < PACKET_REFUSALS_MAX; i++) {
		if (!sum.refused[i].packets)
			continue;
		fprintf(out, "%s%s %s", comma, units_format_exact(sum.refused[i].packets, packets),
			packet_refusal_name(i));
		comma = ", ";
	}
	fputc('\n', out);
}

/* A file that is cut is imported as far as it goes, with a ledger that says how far. */
static int print_file(struct import_source *source, char *exporter, struct import_tally *tally)
{
	AUTO_FREE struct ledger_row *ledger = NULL;
	int err, len;

	source->sink = import_print_rows;
	source->context = exporter;
	err = import_read(source, tally);
	len = import_tally_ledger(tally, &ledger);
	if (len >= 0)
		len = import_print_ledger(exporter, ledger, (size_t)len);
	return err ? err : len;
}

static int send_file(struct import_source *source, const char *socket, const char *exporter,
		     struct import_tally *tally)
{
	AUTO(import_sender_free) struct import_sender *sender = NULL;
	AUTO_FREE struct ledger_row *ledger = NULL;
	int len, read_err, err = import_sender_new(socket, exporter, &sender);

	if (err)
		return err;
	source->sink = import_sender_rows;
	source->context = sender;
	read_err = import_read(source, tally);
	len = import_tally_ledger(tally, &ledger);
	if (len < 0)
		return len;
	if (read_err && read_err != -EBADMSG)
		return read_err;
	err = len ? import_sender_finish(sender, ledger, (size_t)len) : 0;
	return err ? err : read_err;
}

static int import_file(const struct settings *settings, const char *path)
{
	AUTO_FREE struct import_tally *tally = calloc(1, sizeof(*tally));
	struct import_source source = { .path = path,
					.want_inner = settings->inner,
					.show_progress =
						!settings->print && isatty(STDERR_FILENO) };
	char exporter[BATCH_NAME_MAX];
	int err;

	if (!tally) {
		log_error("import '%s': %s", path, strerror(ENOMEM));
		return -ENOMEM;
	}
	name_exporter(settings, path, exporter);
	if (settings->print)
		err = print_file(&source, exporter, tally);
	else
		err = send_file(&source, settings->socket, exporter, tally);
	if (!err || err == -EBADMSG)
		summarise(path, tally, settings->print ? stderr : stdout);
	return err;
}

int cmd_import(int argc, char **argv)
{
	struct settings settings = { 0 };
	int rest, status;

	status = command_options(&text, rows, ARRAY_LEN(rows), &settings, &settings.help, argc,
				 argv, &rest);
	if (status != COMMAND_GO_ON)
		return status;
	if (rest == argc) {
		command_error("import: no file given (wiretally import --help says more)");
		return EXIT_USAGE;
	}
	status = EXIT_DONE;
	for (int i = rest; i < argc; i++) {
		int err = import_file(&settings, argv[i]);

		if (err)
			status = EXIT_FAILED;
		if (err == -ENOTCONN) /* the next file would fare no better */
			break;
	}
	if (fflush(stdout) == EOF) {
		command_error("import: write to stdout: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return status;
}
