/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Connections, drops and host counts of a batch, as protobuf messages and back. */
#ifndef WT_BATCH_SIGNAL_H
#define WT_BATCH_SIGNAL_H

#include "proto/wiretally.pb-c.h"
#include "user/wire/batch.h"

/* Messages that point into the batch they were made from. */
struct signal_messages {
	Wiretally__V1__Connection *connections, **connection_list;
	Wiretally__V1__Drop *drops, **drop_list;
	Wiretally__V1__HostCount *counts, **count_list;
	Wiretally__V1__Latency *latencies, **latency_list;
};

/* NULL, or what is wrong (static). */
const char *batch_check_connection(const struct connection *c);
const char *batch_check_drop(const struct drop *d);
const char *batch_check_host_count(const struct host_count *c);
const char *batch_check_latency(const struct latency *l);

/* One message, which borrows from `from`. */
void batch_fill_connection(const struct connection *from, Wiretally__V1__Connection *m);
void batch_fill_drop(const struct drop *from, Wiretally__V1__Drop *m);

/* 0 or -ENOMEM. m borrows from s and b, s is given back with signal_messages_done(). */
int signal_messages_fill(struct signal_messages *s, const struct batch *b, Wiretally__V1__Batch *m);
void signal_messages_done(struct signal_messages *s);

/* 0; -ENOMEM; -EBADMSG with *why. */
int batch_signal_take(const Wiretally__V1__Batch *m, struct batch *b, const char **why);

#endif
