// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The agent's option rows. */
#include "user/agent/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/agent/cidr.h"
#include "user/agent/geometry.h"
#include "user/agent/metrics_http.h"
#include "user/agent/pins.h"
#include "user/agent/scope.h"
#include "user/agent/signals.h"
#include "user/lib/options_doc.h"
#include "user/sinks/sink_kinds.h"
#include "user/sinks/sinks.h"

#define AT(field) offsetof(struct config, field)

static const struct option_row rows[] = {
	{ "config", 'c', OPTION_TEXT, AT(config), "FILE", .only_argv = true,
	  .help = "read options from FILE (YAML: 'interface: [eth0, eth1]'); those given here come first. SIGHUP reads it again" },
	{ "check", 0, OPTION_FLAG, AT(check), .only_argv = true,
	  .help = "say whether all options are right, and do nothing" },
	{ "interface", 'i', OPTION_LIST, AT(interfaces), "IF",
	  .help = "watch IF, a name or a glob; repeatable. Default: every interface that is up, but not loopback and not the host ends of containers' veth pairs" },
	{ "hook", 0, OPTION_CHOICE, AT(hook), "HOOK", "auto", .choices = "auto|xdp|tc|tcx|clsact",
	  .help = "auto and tc: tcx (Linux 6.6), else clsact; xdp: native XDP for ingress" },
	{ "hooks", 0, OPTION_CHOICE, AT(hooks), "FAMILY", "auto",
	  .choices = "auto|tracepoint|fentry|kprobe|none",
	  .help = "how TCP connections and drops are observed; none = only flows" },
	{ "collector", 0, OPTION_TEXT, AT(collector), "ADDR", "unix:/run/wiretally/collector.sock",
	  .help = "where batches go: unix:PATH, https://HOST:PORT of a collector's --tls-listen, or none: to sinks and metrics alone" },
	{ "sink", 0, OPTION_LIST, AT(sinks), "URL",
	  .help = "send flows on from here: ipfix://HOST:PORT, ipfix+tcp://, ipfix+tls://, netflow9://, file:PATH, kafka://HOST:PORT/TOPIC, otlp+http://HOST:PORT; options behind ? (docs/sinks.md); repeatable" },
	{ "token-file", 0, OPTION_TEXT, AT(token_file), "FILE",
	  .help = "with https: this agent's token, as `wiretally token agent ID` made it" },
	{ "ca", 0, OPTION_TEXT, AT(ca), "FILE",
	  .help = "with https: who signed the collector's certificate (PEM; default: the system's list)" },
	{ "interval", 0, OPTION_DURATION, AT(interval_us), "TIME", "5s", .min = 20000,
	  .max = 3600000000, .help = "harvest every TIME" },
	{ "memory", 0, OPTION_BYTES, AT(memory_bytes), "SIZE", "64M", .min = GEOMETRY_BUDGET_MIN,
	  .help = "budget of all kernel tables together" },
	{ "signal-memory", 0, OPTION_BYTES, AT(signal_memory_bytes), "SIZE", "16M",
	  .min = SIGNALS_BUDGET_MIN, .help = "budget of the tables of TCP connections and drops" },
	{ "sample", 0, OPTION_LIST, AT(sample), "[IF=]N",
	  .help = "record 1 of N packets (on interface IF, a glob); the rest is counted as sampled out; repeatable, the last that fits holds" },
	{ "allow", 0, OPTION_LIST, AT(allow), "[IF=]CIDR",
	  .help = "record only traffic from or to CIDR; repeatable" },
	{ "deny", 0, OPTION_LIST, AT(deny), "[IF=]CIDR",
	  .help = "do not record traffic from or to CIDR; repeatable. The longest prefix wins" },
	{ "inner", 0, OPTION_FLAG, AT(inner),
	  .help = "record the packets inside GRE, IPIP, VXLAN and Geneve tunnels as well" },
	{ "max-interfaces", 0, OPTION_NUMBER, AT(slots), "N", "63", .min = 1,
	  .max = GEOMETRY_SLOTS_MAX - 1, .help = "interfaces watched at once" },
	{ "pin", 0, OPTION_TEXT, AT(pin_dir), "DIR", PINS_DIR_DEFAULT,
	  .help = "pin tables and links here, so that they outlive a crash; none = do not" },
	{ "agent-id", 0, OPTION_TEXT, AT(agent_id), "ID",
	  .help = "name of this agent at the collector (default: the machine id)" },
	{ "run-dir", 0, OPTION_TEXT, AT(run_dir), "DIR", "/run/wiretally",
	  .help = "lock and crash record" },
	{ "spool-dir", 0, OPTION_TEXT, AT(spool_dir), "DIR", "/var/lib/wiretally-agent",
	  .help = "batches wait here (in a folder of the agent's) while the collector is away" },
	{ "spool-disk", 0, OPTION_BYTES, AT(spool_disk_bytes), "SIZE", "256M",
	  .max = UINT64_C(32) << 30,
	  .help = "how much may wait there, then the oldest lose their rows; 0: memory alone" },
	{ "status-socket", 0, OPTION_TEXT, AT(status_socket), "PATH",
	  .help = "answer status here (default: RUN-DIR/agent.sock)" },
	{ "metrics", 0, OPTION_TEXT, AT(metrics), "ADDR:PORT",
	  .help = "answer /metrics there, on loopback: for a host whose collector is elsewhere (127.0.0.1:9101)" },
	{ "user", 0, OPTION_TEXT, AT(user), "NAME",
	  .help = "what the shipper runs as (default: wiretally, else nobody)" },
	{ "detach", 0, OPTION_FLAG, AT(detach), .only_argv = true,
	  .help = "remove every hook and pin of ours from this host, then exit" },
	{ "ready-fd", 0, OPTION_NUMBER, AT(ready_fd), "FD", "0", .max = 1023, .only_argv = true,
	  .help = "write a line to FD when watching has begun" },
	{ "log-json", 0, OPTION_FLAG, AT(log_json), .help = "log JSON lines" },
	{ "verbose", 'v', OPTION_FLAG, AT(verbose), .help = "log more" },
	{ "version", 0, OPTION_FLAG, AT(version), .only_argv = true, .help = "print the version" },
	{ "help", 'h', OPTION_FLAG, AT(help), .only_argv = true, .help = "this text" },
};

static void usage(void)
{
	printf("Usage: wiretally-agent [OPTION]…\n"
	       "Count every packet on this host's interfaces and ship flow records to a collector.\n\n");
	options_help(rows, ARRAY_LEN(rows), stdout);
	printf("\nNeeds CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON. Most people start it with\n"
	       "`wiretally run`, which starts a collector as well.\n");
}

bool config_is_alone(const struct config *c)
{
	return !strcmp(c->collector, "none");
}

static int check_sinks(const struct config *c)
{
	if (config_is_alone(c) && !c->sinks.len && !c->metrics) {
		fputs("wiretally-agent: --collector none: nobody would hear of what is counted: give --sink or --metrics\n",
		      stderr);
		return -EINVAL;
	}
	sinks_init("wiretally-agent", &sink_kinds_light);
	return sinks_set(&c->sinks);
}

/* While root may still read it; a line's end is none of it. */
static int read_token(struct config *c)
{
	bool is_https = c->collector && !strncmp(c->collector, "https://", 8);
	AUTO_FILE FILE *f = NULL;

	if (!is_https && strncmp(c->collector, "unix:", 5) != 0 && !config_is_alone(c)) {
		fprintf(stderr,
			"wiretally-agent: --collector '%s': want unix:PATH, https://HOST:PORT or none\n",
			c->collector);
		return -EINVAL;
	}
	if (is_https != (c->token_file != NULL)) {
		fputs("wiretally-agent: --collector https://… and --token-file belong together\n",
		      stderr);
		return -EINVAL;
	}
	if (!is_https)
		return 0;
	f = fopen(c->token_file, "re");
	if (!f || !fgets(c->token, sizeof(c->token), f)) {
		fprintf(stderr, "wiretally-agent: --token-file '%s': %s\n", c->token_file,
			f ? "it is empty" : strerror(errno));
		return -EINVAL;
	}
	c->token[strcspn(c->token, "\r\n")] = '\0';
	return 0;
}

static const struct options_doc doc = {
	.name = "wiretally-agent",
	.section = 8,
	.summary = "counts every packet on this host's interfaces and ships flow records",
	.usage = "[OPTION]…",
	.about =
		"Needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON. A file of options (--config) is YAML, "
		"an option's name and its value a line; a list where it may be given several times. "
		"SIGHUP reads it again: the agent starts itself anew and takes over its pinned "
		"tables, which lose nothing meanwhile.",
	.examples = "interface: [ eth0, 'veth*' ]\ncollector: https://collector.example:9102\n"
		    "token-file: /etc/wiretally/token\nsample: [ eth0=100 ]\n",
	.rows = rows,
	.len = ARRAY_LEN(rows),
};

int config_parse(int argc, char **argv, struct config *ret)
{
	enum options_doc_kind kind = options_doc_asked(argc, argv);
	struct option_error error;
	int rest;

	if (kind) {
		options_doc_print(&doc, kind, stdout);
		return 1;
	}
	if (options_parse_with_file(rows, ARRAY_LEN(rows), ret, argc, argv, &rest, &error)) {
		fprintf(stderr, "wiretally-agent: %s\n", error.message);
		return -EINVAL;
	}
	if (rest < argc) {
		fprintf(stderr, "wiretally-agent: unexpected argument '%s'\n", argv[rest]);
		return -EINVAL;
	}
	if (read_token(ret))
		return -EINVAL;
	if (ret->help)
		usage();
	else if (ret->version)
		printf("wiretally-agent %s\n", WT_VERSION);
	if (ret->metrics && metrics_http_check(ret->metrics)) {
		fprintf(stderr, "wiretally-agent: --metrics '%s': want ADDR:PORT on loopback\n",
			ret->metrics);
		return -EINVAL;
	}
	if (cidr_check(ret) || scope_check_sample(&ret->sample) || check_sinks(ret))
		return -EINVAL;
	if (ret->check)
		puts("wiretally-agent: all options are right");
	if (getenv(CONFIG_AGAIN))
		ret->ready_fd = 0; /* it was told before */
	return ret->help || ret->version || ret->check;
}
