// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Mapped tables and messages in, batches at the collector out. */
#include "user/agent/shipper.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include "user/agent/drain.h"
#include "user/agent/flip.h"
#include "user/agent/message.h"
#include "user/agent/privilege.h"
#include "user/agent/ship.h"
#include "user/agent/outlet.h"
#include "user/agent/status.h"
#include "user/lib/log.h"

enum shipper_fd { FD_MESSAGE, FD_INTERVAL, FD_POLL, FD_FLIPPED, FD_STATUS, FDS };

struct shipper {
	const struct shipper_options *o;
	struct tables *tables;
	struct iface_list ifaces;
	struct spool spool;
	struct drain *drain;
	struct crashlog crashlog; /* of the drain, when it has one */
	struct flip flip;
	struct ship ship;
	int interval_fd;
	int poll_fd;
	bool flipping;
	bool busy; /* polls fast */
	int idle_polls; /* since the lanes last moved */
	int waited; /* intervals stretched in a row */
	uint64_t looks;
	int finishing; /* 0 no; 1 a flip is to come; 2 harvesting the last interval; 3 shipping */
	int64_t deadline_ms;
	struct outlet outlet;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static int make_timer(int64_t us)
{
	struct timespec every = { us / 1000000, us % 1000000 * 1000 };
	struct itimerspec its = { every, every };
	AUTO_FD int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0 || timerfd_settime(fd, 0, &its, NULL))
		return -errno;
	return TAKE_FD(fd);
}

static void drain_timer(int fd)
{
	uint64_t ticks;

	if (read(fd, &ticks, sizeof(ticks)) < 0)
		return;
}

/* Looks at the lanes often while there is a flood, seldom while there is none. */
static void set_poll(struct shipper *s, bool busy)
{
	int64_t ms = busy ? SHIPPER_POLL_BUSY_MS : SHIPPER_POLL_IDLE_MS;
	struct timespec every = { 0, ms * 1000000 };
	struct itimerspec its = { every, every };

	if (s->busy != busy)
		timerfd_settime(s->poll_fd, 0, &its, NULL);
	s->busy = busy;
}

static bool lanes_moved(struct shipper *s)
{
	struct tables *t = s->tables;

	for (uint32_t row = 0; row < t->geometry.rows; row++)
		if (__atomic_load_n(&t->heads[row].head, __ATOMIC_RELAXED) != t->heads[row].tail)
			return true;
	return signal_drain_moved(s->drain);
}

static int on_poll(struct shipper *s)
{
	int err;

	drain_timer(s->poll_fd);
	s->looks++;
	if (s->drain->crashlog)
		crashlog_look(&s->crashlog);
	if (!lanes_moved(s)) {
		if (++s->idle_polls > 100)
			set_poll(s, false);
		return 0;
	}
	s->idle_polls = 0;
	set_poll(s, true);
	err = drain_relieve(s->drain);
	ship_wake(&s->ship);
	return err;
}

/*
 * While the collector is behind, a longer interval loses nothing: rows go on adding up, what gets
 * no row folds. Only when it stays behind do we harvest into a spool that must drop its oldest.
 */
static bool may_wait(struct shipper *s)
{
	if (spool_used(&s->spool) < s->spool.ring_bytes / 2 ||
	    s->waited == SHIPPER_WAIT_INTERVALS) {
		s->waited = 0;
		return false;
	}
	s->waited++;
	return true;
}

static void start_flip(struct shipper *s)
{
	if (s->flipping || drain_is_harvesting(s->drain))
		return;
	s->flipping = true;
	flip_ask(&s->flip, 1 - drain_active_epoch(s->drain));
}

static void tell(struct shipper *s, enum message_type type)
{
	struct message m = { .type = type, .number = s->drain->intervals };

	if (message_send(s->o->message_fd, &m))
		log_debug("the attacher does not listen");
}

static int on_flipped(struct shipper *s)
{
	uint64_t flip_ns = flip_take(&s->flip);

	if (!flip_ns)
		return 0;
	s->flipping = false;
	return drain_flipped(s->drain, flip_ns);
}

/* One chunk; the loop looks at everything else before the next. */
static int harvest(struct shipper *s)
{
	int left = drain_harvest(s->drain);

	ship_wake(&s->ship);
	if (left)
		return left < 0 ? left : 0;
	tell(s, MESSAGE_INTERVAL);
	if (s->finishing == 1)
		start_flip(s);
	else if (s->finishing == 2)
		s->finishing = 3;
	if (s->finishing == 1)
		s->finishing = 2;
	return 0;
}

static void finish(struct shipper *s)
{
	s->deadline_ms = now_ms() + SHIPPER_FINISH_MS;
	s->finishing = 1;
	if (s->flipping || drain_is_harvesting(s->drain))
		return; /* that interval first: hooks may still have fed the other half */
	start_flip(s);
	s->finishing = 2;
}

/* 0, or -EPIPE when the attacher is gone. */
static int on_message(struct shipper *s)
{
	struct message m;
	int err = message_receive(s->o->message_fd, &m);

	if (err == -EAGAIN)
		return 0;
	if (err)
		return -EPIPE;
	if (m.type == MESSAGE_IFACE && m.iface.slot < GEOMETRY_SLOTS_MAX) {
		s->ifaces.at[m.iface.slot] = m.iface;
		ifstats_look(s->drain->ifstats, &s->ifaces); /* its counters' baseline */
		if (s->drain->crashlog)
			crashlog_watch(&s->crashlog, m.iface.slot, m.iface.ifindex);
	}
	if (m.type == MESSAGE_FINISH)
		finish(s);
	return 0;
}

static void on_status(struct shipper *s)
{
	struct status_view view = {
		.config = s->o->config,
		.source = &s->o->source,
		.tables = s->tables,
		.ifaces = &s->ifaces,
		.spool = &s->spool,
		.drain = s->drain,
		.ship = &s->ship,
		.signals = s->o->signals,
		.looks = s->looks,
	};

	status_answer(s->o->status_fd, &view);
}

static int step(struct shipper *s, struct pollfd fds[FDS])
{
	bool harvesting = drain_is_harvesting(s->drain);
	int err = 0;

	if (poll(fds, FDS, harvesting ? 0 : 1000) < 0 && errno != EINTR)
		return -errno;
	if (fds[FD_MESSAGE].revents)
		err = on_message(s);
	if (!err && fds[FD_POLL].revents & POLLIN)
		err = on_poll(s);
	if (!err && fds[FD_INTERVAL].revents & POLLIN) {
		drain_timer(s->interval_fd);
		if (!s->finishing && !may_wait(s))
			start_flip(s);
	}
	if (!err && fds[FD_FLIPPED].revents & POLLIN)
		err = on_flipped(s);
	if (!err && drain_is_harvesting(s->drain))
		err = harvest(s);
	if (!err && fds[FD_STATUS].revents & POLLIN)
		on_status(s);
	return err;
}

/* What is on the disk is sent too, unless the collector is away: the next start goes on with it. */
static bool is_done(const struct shipper *s)
{
	if (s->finishing && now_ms() > s->deadline_ms)
		return true;
	return s->finishing == 3 && !spool_used(&s->spool) && !ship_has_more(&s->ship);
}

static int loop(struct shipper *s)
{
	struct pollfd fds[FDS] = {
		[FD_MESSAGE] = { s->o->message_fd, POLLIN, 0 },
		[FD_INTERVAL] = { s->interval_fd, POLLIN, 0 },
		[FD_POLL] = { s->poll_fd, POLLIN, 0 },
		[FD_FLIPPED] = { s->flip.done_fd, POLLIN, 0 },
		[FD_STATUS] = { s->o->status_fd, POLLIN, 0 },
	};
	int err = 0;

	if (drain_must_resume(s->drain)) {
		s->flipping = true;
		flip_ask(&s->flip, s->tables->control->epoch);
	}
	ship_wake(&s->ship);
	tell(s, MESSAGE_READY);
	while (!err && !is_done(s)) {
		err = step(s, fds);
		if (s->finishing == 3)
			set_poll(s, true);
	}
	return err;
}

/* What a run before this one lost is named; from here on, what this one would lose is known. */
static void start_crashlog(struct shipper *s)
{
	const struct shipper_options *o = s->o;
	struct drain *d = s->drain;
	uint64_t lost;

	drain_prepare(d);
	lost = crashlog_report(o->crash, o->owner, o->before->adopted, &o->before->left, &s->spool,
			       d->next);
	if (lost)
		log_warn(
			"the agent before was killed: %llu packets and events are lost/agent_crash",
			(unsigned long long)lost);
	drain_publish(d);
	crashlog_start(&s->crashlog, o->crash, o->owner, o->ledgers_pin, s->tables, o->signals,
		       &s->spool);
	d->crashlog = &s->crashlog;
}

/*
 * Adopted tables count on while the attacher still looks for interfaces: an interval that ends
 * before it has told of them has their numbers all the same, from the programs' own table.
 */
static void know_interfaces(struct shipper *s)
{
	const struct tables *t = s->tables;

	for (uint32_t i = 0; i < WT_IF_BUCKETS; i++) {
		const struct wt_if *known = &t->interfaces[i];

		if (!known->ifindex || known->slot >= GEOMETRY_SLOTS_MAX)
			continue;
		s->ifaces.at[known->slot].ifindex = known->ifindex;
		s->ifaces.at[known->slot].netns = t->state->netns;
	}
}

/* After privileges are dropped: its files are its own. Without it batches wait in memory. */
static struct disk_spool *open_disk_spool(const struct shipper_options *o)
{
	struct disk_spool *d = NULL;
	int err;

	if (o->spool_fd < 0)
		return NULL;
	if (!o->config->spool_disk_bytes || config_is_alone(o->config)) {
		close(o->spool_fd);
		return NULL;
	}
	err = disk_spool_open(o->spool_fd, o->config->spool_disk_bytes, &d);
	if (err)
		log_warn("no disk spool in '%s/%s': %s", o->config->spool_dir, o->source.agent,
			 err == -EBUSY ? "another agent uses it" : strerror(-err));
	return d;
}

static int start_outlet(struct shipper *s)
{
	s->outlet.ifaces = &s->ifaces;
	s->drain->source.outlet = &s->outlet;
	return outlet_start(&s->outlet, s->o->config, s->o->source.agent,
			    drain_next_sequence(s->drain), s->drain->is_resumed);
}

static int start(struct shipper *s)
{
	const struct config *c = s->o->config;
	int err;

	s->interval_fd = make_timer(c->interval_us);
	s->poll_fd = make_timer(SHIPPER_POLL_IDLE_MS * 1000);
	if (s->interval_fd < 0 || s->poll_fd < 0)
		return -EMFILE;
	know_interfaces(s);
	spool_init(&s->spool, s->tables->state, s->tables->spool, s->tables->geometry.spool_bytes);
	err = privilege_drop_all(s->o->uid, s->o->gid);
	if (!err)
		err = drain_open(s->tables, &s->spool, &s->ifaces, &s->o->source, s->o->signals,
				 &s->drain);
	if (!err && outlet_is_wanted(c))
		err = start_outlet(s);
	if (!err && s->o->crash)
		start_crashlog(s);
	if (!err)
		err = flip_start(&s->flip, s->tables->control, s->o->grace_fd);
	if (!err)
		err = ship_start(&s->ship, &s->spool, open_disk_spool(s->o), c, s->drain->crashlog);
	return err;
}

int shipper_run(struct tables *t, const struct shipper_options *o)
{
	struct shipper s = { .o = o, .tables = t };
	bool left;
	int err;

	prctl(PR_SET_NAME, "wt-shipper");
	err = start(&s);
	if (err) {
		log_error("shipper: cannot start: %s", strerror(-err));
		return 1;
	}
	err = loop(&s);
	if (err == -EPIPE)
		log_warn("shipper: the attacher is gone; tables stay for the next start");
	else if (err)
		log_error("shipper: %s", strerror(-err));
	ship_stop(&s.ship);
	flip_stop(&s.flip);
	left = !err && (s.finishing != 3 || spool_used(&s.spool));
	if (left)
		log_warn("stopped with %llu bytes of batches that the collector has not taken",
			 (unsigned long long)spool_used(&s.spool));
	drain_close(s.drain);
	outlet_stop(&s.outlet);
	return err ? 1 : left ? SHIPPER_LEFT : 0;
}
