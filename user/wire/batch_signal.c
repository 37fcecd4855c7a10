// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Connections, drops … to messages and back; what comes from outside is checked. */
#include "user/wire/batch_signal.h"

#include <errno.h>
#include <string.h>

#include "user/wire/batch_check.h"

/* Same name, same meaning, on both sides; TAKE checks that a narrow one was not cut. */
#define CONNECTION_NUMBERS(DO) \
	DO(id)                 \
	DO(events)             \
	DO(local_port)         \
	DO(remote_port)        \
	DO(netns)              \
	DO(protocol)           \
	DO(role)               \
	DO(end)                \
	DO(state)              \
	DO(happened)           \
	DO(error)              \
	DO(start_us)           \
	DO(last_us)            \
	DO(end_us)             \
	DO(connect_ns)         \
	DO(accept_ns)          \
	DO(octets_acked)       \
	DO(octets_received)    \
	DO(retransmit_octets)  \
	DO(pacing_rate)        \
	DO(delivery_rate)      \
	DO(cgroup)             \
	DO(segments_out)       \
	DO(retransmits)        \
	DO(retransmits_rto)    \
	DO(retransmits_fast)   \
	DO(retransmits_syn)    \
	DO(retransmits_synack) \
	DO(srtt_us)            \
	DO(rttvar_us)          \
	DO(min_rtt_us)         \
	DO(cwnd)               \
	DO(reordering)         \
	DO(lost)               \
	DO(unacked)            \
	DO(pid)                \
	DO(uid)

#define DROP_NUMBERS(DO) \
	DO(netns)        \
	DO(packets)      \
	DO(octets)       \
	DO(start_us)     \
	DO(end_us)

static bool in_time(int64_t us)
{
	return us >= 0 && us <= BATCH_TIME_MAX_US;
}

const char *batch_check_connection(const struct connection *c)
{
	if (!c->events || c->events > BATCH_COUNT_MAX)
		return "connection's events are 0 or more than 2^48";
	if (c->protocol != PROTOCOL_TCP && c->protocol != PROTOCOL_UDP)
		return "connection's protocol is neither 6 nor 17";
	if (c->role >= ROLES || c->end >= ENDS)
		return "connection's role or end is unknown";
	if (!in_time(c->start_us) || !in_time(c->last_us) || !in_time(c->end_us))
		return "time is out of range";
	if (c->octets_acked > BATCH_COUNT_MAX || c->octets_received > BATCH_COUNT_MAX ||
	    c->retransmit_octets > BATCH_COUNT_MAX)
		return "connection counts more than 2^48";
	if (c->connect_ns > INT64_MAX || c->accept_ns > INT64_MAX || c->pacing_rate > INT64_MAX ||
	    c->delivery_rate > INT64_MAX)
		return "connection's latency or rate is out of range";
	return NULL;
}

const char *batch_check_drop(const struct drop *d)
{
	if (!d->packets || d->packets > BATCH_COUNT_MAX || d->octets > BATCH_COUNT_MAX)
		return "drop's counts are 0 or more than 2^48";
	if (!in_time(d->start_us) || !in_time(d->end_us))
		return "time is out of range";
	if (d->end_us < d->start_us)
		return "end is before start";
	return NULL;
}

const char *batch_check_host_count(const struct host_count *c)
{
	if (!batch_name_is_valid(c->name, HOST_COUNT_NAME_MAX))
		return "host count's name is not 1 to 47 printable characters";
	return c->value > BATCH_COUNT_MAX ? "host count is more than 2^48" : NULL;
}

const char *batch_check_latency(const struct latency *l)
{
	uint64_t in_buckets = 0;

	if (!l->count || l->count > BATCH_COUNT_MAX)
		return "latency's count is 0 or more than 2^48";
	if (l->role >= ROLES || l->kind >= LATENCY_KINDS)
		return "latency's role or kind is unknown";
	if (l->sum_ns > INT64_MAX)
		return "latency's sum is out of range";
	if (!in_time(l->start_us) || !in_time(l->end_us))
		return "time is out of range";
	if (l->end_us < l->start_us)
		return "end is before start";
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		in_buckets += l->buckets[i];
	return in_buckets == l->count ? NULL : "latency's buckets do not add up to its count";
}

static ProtobufCBinaryData address(const uint8_t at[16])
{
	return (ProtobufCBinaryData){ .len = 16, .data = (uint8_t *)at };
}

void batch_fill_connection(const struct connection *from, Wiretally__V1__Connection *m)
{
	wiretally__v1__connection__init(m);
#define FILL(name) m->name = from->name;
	CONNECTION_NUMBERS(FILL)
#undef FILL
	m->local = address(from->local);
	m->remote = address(from->remote);
	m->comm = (char *)from->comm;
	m->cgroup_path = (char *)from->cgroup_path;
}

void batch_fill_drop(const struct drop *from, Wiretally__V1__Drop *m)
{
	wiretally__v1__drop__init(m);
#define FILL(name) m->name = from->name;
	DROP_NUMBERS(FILL)
#undef FILL
	if (from->has_tuple) {
		m->source = address(from->src);
		m->destination = address(from->dst);
	}
	m->source_port = from->src_port;
	m->destination_port = from->dst_port;
	m->protocol = from->proto;
	m->ethertype = from->ethertype;
	m->interface = from->ifindex;
	m->purged = from->purged;
	m->reason = (char *)from->reason;
	m->location = (char *)from->location;
}

static void fill_host_count(const struct host_count *from, Wiretally__V1__HostCount *m)
{
	wiretally__v1__host_count__init(m);
	m->name = (char *)from->name;
	m->netns = from->netns;
	m->value = from->value;
	m->gauge = from->is_gauge;
}

static void fill_latency(const struct latency *from, Wiretally__V1__Latency *m)
{
	wiretally__v1__latency__init(m);
	m->remote = address(from->remote);
	m->port = from->port;
	m->netns = from->netns;
	m->role = from->role;
	m->kind = from->kind;
	m->count = from->count;
	m->sum_ns = from->sum_ns;
	m->start_us = from->start_us;
	m->end_us = from->end_us;
	m->buckets = (uint32_t *)from->buckets;
	m->n_buckets = LATENCY_BUCKETS;
	while (m->n_buckets && !from->buckets[m->n_buckets - 1])
		m->n_buckets--;
}

void signal_messages_done(struct signal_messages *s)
{
	free(s->connections);
	free(s->connection_list);
	free(s->drops);
	free(s->drop_list);
	free(s->counts);
	free(s->count_list);
	free(s->latencies);
	free(s->latency_list);
}

static int make_messages(struct signal_messages *s, const struct batch *b)
{
	*s = (struct signal_messages){
		.connections = calloc(b->connections_len + 1, sizeof(*s->connections)),
		.connection_list = calloc(b->connections_len + 1, sizeof(*s->connection_list)),
		.drops = calloc(b->drops_len + 1, sizeof(*s->drops)),
		.drop_list = calloc(b->drops_len + 1, sizeof(*s->drop_list)),
		.counts = calloc(b->host_counts_len + 1, sizeof(*s->counts)),
		.count_list = calloc(b->host_counts_len + 1, sizeof(*s->count_list)),
		.latencies = calloc(b->latencies_len + 1, sizeof(*s->latencies)),
		.latency_list = calloc(b->latencies_len + 1, sizeof(*s->latency_list)),
	};
	return s->connections && s->connection_list && s->drops && s->drop_list && s->counts &&
			       s->count_list && s->latencies && s->latency_list
		       ? 0
		       : -ENOMEM;
}

int signal_messages_fill(struct signal_messages *s, const struct batch *b, Wiretally__V1__Batch *m)
{
	int err = make_messages(s, b);

	if (err)
		return err;
	for (size_t i = 0; i < b->connections_len; i++) {
		s->connection_list[i] = &s->connections[i];
		batch_fill_connection(&b->connections[i], &s->connections[i]);
	}
	for (size_t i = 0; i < b->drops_len; i++) {
		s->drop_list[i] = &s->drops[i];
		batch_fill_drop(&b->drops[i], &s->drops[i]);
	}
	m->connections = s->connection_list;
	m->n_connections = b->connections_len;
	m->drops = s->drop_list;
	m->n_drops = b->drops_len;
	for (size_t i = 0; i < b->host_counts_len; i++) {
		s->count_list[i] = &s->counts[i];
		fill_host_count(&b->host_counts[i], &s->counts[i]);
	}
	for (size_t i = 0; i < b->latencies_len; i++) {
		s->latency_list[i] = &s->latencies[i];
		fill_latency(&b->latencies[i], &s->latencies[i]);
	}
	m->latencies = s->latency_list;
	m->n_latencies = b->latencies_len;
	m->host_counts = s->count_list;
	m->n_host_counts = b->host_counts_len;
	return 0;
}

static const char *take_connection(const Wiretally__V1__Connection *m, struct connection *to)
{
	bool is_cut = false;

	if (m->local.len != 16 || m->remote.len != 16)
		return "connection's addresses are not 16 bytes each";
	memcpy(to->local, m->local.data, 16);
	memcpy(to->remote, m->remote.data, 16);
#define TAKE_NUMBER(name)   \
	to->name = m->name; \
	is_cut |= to->name != m->name;
	CONNECTION_NUMBERS(TAKE_NUMBER)
#undef TAKE_NUMBER
	if (is_cut)
		return "connection holds a value that is too large";
	if (!to->protocol)
		to->protocol = PROTOCOL_TCP;
	if (!batch_copy_text(m->comm, to->comm, sizeof(to->comm)) ||
	    !batch_copy_text(m->cgroup_path, to->cgroup_path, sizeof(to->cgroup_path)))
		return "connection's comm or cgroup is too long";
	return batch_check_connection(to);
}

static const char *take_drop(const Wiretally__V1__Drop *m, struct drop *to)
{
	if (m->source.len != m->destination.len || (m->source.len && m->source.len != 16))
		return "drop's addresses are neither 0 nor 16 bytes each";
	to->has_tuple = m->source.len == 16;
	if (to->has_tuple) {
		memcpy(to->src, m->source.data, 16);
		memcpy(to->dst, m->destination.data, 16);
	}
#define TAKE_NUMBER(name) to->name = m->name;
	DROP_NUMBERS(TAKE_NUMBER)
#undef TAKE_NUMBER
	if (m->source_port > UINT16_MAX || m->destination_port > UINT16_MAX ||
	    m->ethertype > UINT16_MAX || m->protocol > UINT8_MAX)
		return "drop holds a value that is too large";
	to->src_port = m->source_port;
	to->dst_port = m->destination_port;
	to->ethertype = m->ethertype;
	to->proto = m->protocol;
	to->ifindex = m->interface;
	to->purged = m->purged;
	if (!batch_copy_text(m->reason, to->reason, sizeof(to->reason)) ||
	    !batch_copy_text(m->location, to->location, sizeof(to->location)))
		return "drop's reason or location is too long";
	return batch_check_drop(to);
}

static const char *take_host_count(const Wiretally__V1__HostCount *m, struct host_count *to)
{
	*to = (struct host_count){ .netns = m->netns, .value = m->value, .is_gauge = m->gauge };
	if (!batch_copy_text(m->name, to->name, sizeof(to->name)))
		return "host count's name is not 1 to 47 printable characters";
	return batch_check_host_count(to);
}

static const char *take_latency(const Wiretally__V1__Latency *m, struct latency *to)
{
	if (m->remote.len != 16)
		return "latency's address is not 16 bytes";
	if (m->n_buckets > LATENCY_BUCKETS)
		return "latency has more than 32 buckets";
	if (m->port > UINT16_MAX || m->role > UINT8_MAX || m->kind > UINT8_MAX)
		return "latency holds a value that is too large";
	*to = (struct latency){
		.netns = m->netns,
		.port = m->port,
		.kind = m->kind,
		.role = m->role,
		.count = m->count,
		.sum_ns = m->sum_ns,
		.start_us = m->start_us,
		.end_us = m->end_us,
	};
	memcpy(to->remote, m->remote.data, 16);
	if (m->n_buckets)
		memcpy(to->buckets, m->buckets, m->n_buckets * sizeof(to->buckets[0]));
	return batch_check_latency(to);
}

int batch_signal_take(const Wiretally__V1__Batch *m, struct batch *b, const char **why)
{
	b->connections = calloc(m->n_connections + 1, sizeof(*b->connections));
	b->drops = calloc(m->n_drops + 1, sizeof(*b->drops));
	b->host_counts = calloc(m->n_host_counts + 1, sizeof(*b->host_counts));
	b->latencies = calloc(m->n_latencies + 1, sizeof(*b->latencies));
	if (!b->connections || !b->drops || !b->host_counts || !b->latencies)
		return -ENOMEM;
	b->connections_len = m->n_connections;
	b->drops_len = m->n_drops;
	b->host_counts_len = m->n_host_counts;
	b->latencies_len = m->n_latencies;
	for (size_t i = 0; i < m->n_connections && !*why; i++)
		*why = take_connection(m->connections[i], &b->connections[i]);
	for (size_t i = 0; i < m->n_drops && !*why; i++)
		*why = take_drop(m->drops[i], &b->drops[i]);
	for (size_t i = 0; i < m->n_host_counts && !*why; i++)
		*why = take_host_count(m->host_counts[i], &b->host_counts[i]);
	for (size_t i = 0; i < m->n_latencies && !*why; i++)
		*why = take_latency(m->latencies[i], &b->latencies[i]);
	return *why ? -EBADMSG : 0;
}
