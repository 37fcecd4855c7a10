// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The shipper's state in, a JSON document over a Unix socket out. */
#include "user/agent/status.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include <jansson.h>

#include "user/sinks/sinks.h"

#define STATUS_BACKLOG 8

int status_listen(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || chmod(path, 0666) ||
	    listen(fd, STATUS_BACKLOG))
		return -errno;
	return TAKE_FD(fd);
}

static json_t *hex(const uint8_t *bytes, size_t len)
{
	char text[65] = "";

	for (size_t i = 0; i < len && i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return json_string(text);
}

static json_t *interfaces(const struct iface_list *list)
{
	json_t *all = json_array();

	for (uint32_t slot = 1; slot < GEOMETRY_SLOTS_MAX; slot++) {
		const struct iface *i = &list->at[slot];

		if (!i->ifindex)
			continue;
		json_array_append_new(
			all, json_pack("{s:s, s:I, s:s, s:s, s:b, s:b, s:[s*]}", "name", i->name,
				       "ifindex", (json_int_t)i->ifindex, "hook", i->hook, "reason",
				       i->reason, "ingress", !!(i->watched & WT_WATCH_INGRESS),
				       "egress", !!(i->watched & WT_WATCH_EGRESS), "before_us",
				       i->before_us[0] ? i->before_us : NULL));
	}
	return all;
}

/* Resident pages that are not mapped tables: what /proc calls anonymous. */
static long long rss_bytes(void)
{
	char line[128];
	long long kb = 0;
	AUTO_FILE FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %lld", &kb) == 1)
			break;
	return kb * 1024;
}

static json_t *memory(const struct geometry *g)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "flow_table_bytes",
			 (json_int_t)g->table_bytes, "lanes_bytes", (json_int_t)g->lanes_bytes,
			 "ledger_bytes", (json_int_t)g->ledgers_bytes, "spool_bytes",
			 (json_int_t)g->spool_bytes, "rss_bytes", (json_int_t)rss_bytes());
}

static json_t *totals(const struct drain *d)
{
	static const struct {
		enum agent_count count;
		const char *name;
	} shown[] = {
		{ COUNT_SEEN, "seen" },
		{ COUNT_RECORDED, "recorded" },
		{ COUNT_FOLDED, "folded" },
		{ COUNT_FILTERED, "filtered" },
		{ COUNT_SAMPLED_OUT, "sampled_out" },
		{ COUNT_MISSED_NESTED, "missed_nested" },
	};
	json_t *all = json_object();
	uint64_t packets = 0, octets = 0;

	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		const struct wt_count *c = &d->totals[shown[i].count];

		json_object_set_new(all, shown[i].name,
				    json_pack("{s:I, s:I}", "packets", (json_int_t)c->packets,
					      "octets", (json_int_t)c->l2_bytes));
	}
	for (int i = COUNT_UNPARSED; i < AGENT_COUNTS; i++) {
		packets += d->totals[i].packets;
		octets += d->totals[i].l2_bytes;
	}
	json_object_set_new(all, "unparsed",
			    json_pack("{s:I, s:I}", "packets", (json_int_t)packets, "octets",
				      (json_int_t)octets));
	return all;
}

static json_t *signals(const struct signals *s)
{
	json_t *all = json_array();

	for (int i = 0; s && i < s->choices_len; i++) {
		const struct signal_choice *c = &s->choices[i];

		json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "signal", c->signal, "hook",
						     c->hook, "why", c->why));
	}
	return all;
}

static json_t *disk_spool(const struct disk_spool *d)
{
	struct disk_spool_depth depth;

	if (!d)
		return json_null();
	depth = disk_spool_depth(d);
	return json_pack("{s:I, s:I, s:I, s:I}", "bytes", (json_int_t)depth.bytes, "limit_bytes",
			 (json_int_t)depth.limit_bytes, "batches", (json_int_t)depth.batches,
			 "given_up", (json_int_t)depth.given_up);
}

static json_t *document(const struct status_view *v)
{
	struct timespec now;
	json_t *doc = json_object();

	clock_gettime(CLOCK_MONOTONIC, &now);
	json_object_set_new(doc, "version", json_string(WT_VERSION));
	json_object_set_new(doc, "pid", json_integer(getppid())); /* the one to send signals to */
	json_object_set_new(doc, "shipper_pid", json_integer(getpid()));
	json_object_set_new(doc, "agent", json_string(v->source->agent));
	json_object_set_new(doc, "instance", hex(v->source->instance, sizeof(v->source->instance)));
	json_object_set_new(doc, "hook_option", json_string(v->config->hook));
	json_object_set_new(doc, "collector", json_string(v->config->collector));
	json_object_set_new(doc, "interval_us", json_integer(v->config->interval_us));
	json_object_set_new(doc, "looks", json_integer(v->looks));
	json_object_set_new(doc, "intervals", json_integer(v->drain->intervals));
	json_object_set_new(doc, "interfaces", interfaces(v->ifaces));
	json_object_set_new(doc, "signals", signals(v->signals));
	json_object_set_new(doc, "memory", memory(&v->tables->geometry));
	json_object_set_new(doc, "spool",
			    json_pack("{s:I, s:I}", "bytes", (json_int_t)spool_used(v->spool),
				      "limit_bytes", (json_int_t)v->spool->ring_bytes));
	json_object_set_new(doc, "disk_spool", disk_spool(v->ship->disk));
	json_object_set_new(doc, "ship",
			    json_pack("{s:I, s:I, s:I}", "acknowledged",
				      (json_int_t)v->ship->acknowledged, "retries",
				      (json_int_t)v->ship->retries, "refused",
				      (json_int_t)v->ship->refused));
	json_object_set_new(doc, "sinks", sinks_json());
	json_object_set_new(doc, "ledger", totals(v->drain));
	json_object_set_new(doc, "last_error", json_string(v->ship->last_error));
	return doc;
}

void status_answer(int listen_fd, const struct status_view *view)
{
	struct timeval patience = { .tv_usec = 200000 };
	AUTO_FD int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	AUTO_FREE char *text = NULL;
	json_t *doc;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	doc = document(view);
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	if (text && send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return; /* it did not want to know */
}
