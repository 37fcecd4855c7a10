// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* One command line in, those of the agent and the collector out. */
#include "user/cli/run_options.h"

#include <errno.h>
#include <string.h>

#include "user/cli/child.h"
#include "user/cli/command.h"
#include "user/lib/cleanup.h"

#define AT(member) offsetof(struct run_options, member)

enum target { TO_US, TO_AGENT, TO_COLLECTOR, TO_BOTH };

/* Values are checked by whom they are for. */
static const struct run_row {
	enum target to;
	struct option_row option;
} table[] = {
	{ TO_AGENT,
	  { "interface", 'i', OPTION_LIST, AT(interfaces), "IF",
	    .help = "watch IF, a name or a glob; repeatable (default: all but loopback and containers' ends)" } },
	{ TO_AGENT,
	  { "hook", 0, OPTION_CHOICE, AT(hook), NULL, "auto", .choices = "auto|xdp|tc",
	    .help = "where to look at packets" } },
	{ TO_AGENT,
	  { "interval", 0, OPTION_TEXT, AT(interval), "TIME", "5s",
	    .help = "harvest every TIME" } },
	{ TO_AGENT,
	  { "memory", 0, OPTION_TEXT, AT(memory), "SIZE", "64M",
	    .help = "budget of the kernel tables" } },
	{ TO_AGENT,
	  { "inner", 0, OPTION_FLAG, AT(inner), .help = "record packets inside tunnels as well" } },
	{ TO_AGENT,
	  { "sample", 0, OPTION_LIST, AT(sample), "[IF=]N",
	    .help = "record 1 of N packets; repeatable" } },
	{ TO_AGENT,
	  { "allow", 0, OPTION_LIST, AT(allow), "[IF=]CIDR",
	    .help = "record only CIDR; repeatable" } },
	{ TO_AGENT,
	  { "deny", 0, OPTION_LIST, AT(deny), "[IF=]CIDR",
	    .help = "do not record CIDR; repeatable" } },
	{ TO_AGENT,
	  { "max-interfaces", 0, OPTION_TEXT, AT(max_interfaces), "N", NULL,
	    .help = "interfaces watched at once" } },
	{ TO_AGENT,
	  { "pin", 0, OPTION_TEXT, AT(pin), "DIR", NULL,
	    .help = "where tables survive a crash of the agent; none = nowhere" } },
	{ TO_AGENT,
	  { "agent-id", 0, OPTION_TEXT, AT(agent_id), "ID", NULL,
	    .help = "name of this agent (default: the machine id)" } },
	{ TO_COLLECTOR,
	  { "data", 'd', OPTION_TEXT, AT(data), "DIR", "/var/lib/wiretally",
	    .help = "keep data here, and what the agent could not ship in DIR-agent" } },
	{ TO_COLLECTOR,
	  { "listen", 'l', OPTION_TEXT, AT(listen), "ADDR:PORT", "127.0.0.1:9101",
	    .help = "page and API" } },
	{ TO_COLLECTOR,
	  { "insecure-listen", 0, OPTION_FLAG, AT(insecure_listen),
	    .help = "allow --listen beyond loopback, without TLS and tokens" } },
	{ TO_COLLECTOR,
	  { "exporters", 0, OPTION_TEXT, AT(exporters), "ADDR:PORT,…", NULL,
	    .help = "take NetFlow, IPFIX and sFlow of routers there" } },
	{ TO_COLLECTOR,
	  { "sink", 0, OPTION_LIST, AT(sink), "URL",
	    .help = "send flows there, too: ipfix://HOST:PORT, kafka://…, otlp+http://…, file:/PATH; repeatable" } },
	{ TO_COLLECTOR,
	  { "alert", 0, OPTION_LIST, AT(alert), "NAME=LIMIT",
	    .help = "another limit of an alert (ConnectsFail=0.5/2m), or NAME=off; repeatable" } },
	{ TO_COLLECTOR,
	  { "keep", 0, OPTION_TEXT, AT(keep), "TIMES", NULL,
	    .help = "ages at which records, minutes and hours are dropped (raw=6h,minute=7d,hour=400d)" } },
	{ TO_COLLECTOR,
	  { "max-disk", 0, OPTION_TEXT, AT(max_disk), "SIZE", NULL,
	    .help = "size at which the oldest flows are dropped" } },
	{ TO_US,
	  { "run-dir", 0, OPTION_TEXT, AT(run_dir), "DIR", "/run/wiretally", .help = "sockets" } },
	{ TO_BOTH,
	  { "user", 0, OPTION_TEXT, AT(user), "NAME", NULL,
	    .help = "who both become (default: wiretally, else nobody)" } },
	{ TO_BOTH,
	  { "log-json", 0, OPTION_FLAG, AT(log_json), .help = "log lines as JSON objects" } },
	{ TO_US, { "help", 'h', OPTION_FLAG, AT(help), .help = "print this" } },
};
_Static_assert(ARRAY_LEN(table) == RUN_ROWS, "run_options.h keeps their names");

static const struct command_text text = {
	.usage = "wiretally run [OPTION]…",
	.about =
		"Starts the agent and the collector on this host and stops both on Ctrl-C. Data is kept.",
	.examples = "  sudo wiretally run\n"
		    "  sudo wiretally run -i eth0 -i 'veth*' --interval 1s\n"
		    "  sudo wiretally run --hook xdp -i eth0 --memory 1G --data /srv/wiretally\n",
};

static int parse(int argc, char **argv, struct run_options *o)
{
	struct option_row rows[RUN_ROWS];
	int rest, status;

	for (size_t i = 0; i < RUN_ROWS; i++) {
		rows[i] = table[i].option;
		snprintf(o->names[i], sizeof(o->names[i]), "--%s", rows[i].name);
	}
	status = command_options(&text, rows, RUN_ROWS, o, &o->help, argc, argv, &rest);
	if (status != COMMAND_GO_ON || rest == argc)
		return status;
	command_error("run: unexpected '%.60s' (an interface is -i %.60s)", argv[rest], argv[rest]);
	return EXIT_USAGE;
}

int run_options_parse(int argc, char **argv, struct run_options *ret)
{
	int status = parse(argc, argv, ret);
	size_t len;

	if (status != COMMAND_GO_ON)
		return status;
	len = strlen(ret->run_dir);
	while (len > 1 && ret->run_dir[len - 1] == '/')
		len--;
	if (len > 80) { /* sun_path has 108 */
		command_error("--run-dir: longer than 80 characters");
		return EXIT_USAGE;
	}
	snprintf(ret->collector_socket, PATH_MAX, "%.*s/collector.sock", (int)len, ret->run_dir);
	snprintf(ret->agent_socket, PATH_MAX, "%.*s/agent.sock", (int)len, ret->run_dir);
	snprintf(ret->ship_to, PATH_MAX, "unix:%.*s/collector.sock", (int)len, ret->run_dir);
	len = strlen(ret->data);
	while (len > 1 && ret->data[len - 1] == '/')
		len--;
	snprintf(ret->spool_dir, PATH_MAX, "%.*s-agent", (int)len, ret->data);
	return COMMAND_GO_ON;
}

/* --name, --name VALUE, or --name VALUE for each. */
static void pass(struct child *to, const struct option_row *row, const char *name,
		 const struct run_options *o)
{
	const char *target = (const char *)o + row->offset;
	const struct option_list *list = (const void *)target;
	const char *value = NULL;

	if (row->type == OPTION_FLAG) {
		if (*(const bool *)target)
			child_arg(to, name);
		return;
	}
	if (row->type == OPTION_LIST) {
		for (size_t i = 0; i < list->len; i++) {
			child_arg(to, name);
			child_arg(to, list->values[i]);
		}
		return;
	}
	memcpy(&value, target, sizeof(value));
	if (value) {
		child_arg(to, name);
		child_arg(to, value);
	}
}

void run_options_pass(const struct run_options *o, struct child *agent, struct child *collector)
{
	for (size_t i = 0; i < RUN_ROWS; i++) {
		if (table[i].to == TO_AGENT || table[i].to == TO_BOTH)
			pass(agent, &table[i].option, o->names[i], o);
		if (table[i].to == TO_COLLECTOR || table[i].to == TO_BOTH)
			pass(collector, &table[i].option, o->names[i], o);
	}
	child_arg(agent, "--run-dir");
	child_arg(agent, o->run_dir);
	child_arg(agent, "--collector");
	child_arg(agent, o->ship_to);
	child_arg(agent, "--spool-dir");
	child_arg(agent, o->spool_dir);
	child_arg(agent, "--status-socket");
	child_arg(agent, o->agent_socket);
	child_arg(collector, "--socket");
	child_arg(collector, o->collector_socket);
	for (int i = 0; i < 2; i++) {
		child_arg(i ? agent : collector, "--ready-fd");
		child_arg(i ? agent : collector, "3");
	}
}
