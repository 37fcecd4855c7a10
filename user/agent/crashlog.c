// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sums of what was seen and what has arrived in, a file that is exact at every instant out. */
#include "user/agent/crashlog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "user/agent/crash_sum.h"
#include "user/agent/identity.h"
#include "user/lib/log.h"

#define BOTH_EPOCHS 3u

static void path_of(const char *run_dir, char path[256])
{
	snprintf(path, 256, "%.200s/agent.crash", run_dir);
}

int crashlog_map(const char *run_dir, struct crash_file **ret)
{
	char path[256];
	AUTO_FD int fd = -1;
	struct crash_file *f;

	path_of(run_dir, path);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*f)))
		return -errno;
	f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f == MAP_FAILED)
		return -errno;
	*ret = f;
	return 0;
}

void crashlog_remove(const char *run_dir)
{
	char path[256];

	path_of(run_dir, path);
	unlink(path);
}

bool crashlog_is_valid(const struct crash_file *f)
{
	uint8_t boot_id[16] = { 0 };

	identity_boot_id(boot_id);
	return f->magic == CRASH_MAGIC && f->format == CRASH_FORMAT && f->size == sizeof(*f) &&
	       f->bank < 2 && f->banks[f->bank].points_len <= CRASH_POINTS_MAX &&
	       !memcmp(f->boot_id, boot_id, sizeof(boot_id));
}

/* Settled and without a slot: nobody needs it any more. */
static struct crash_point *unused(struct crash_bank *b)
{
	for (uint32_t i = 0; i < b->points_len; i++) {
		struct crash_point *p = &b->points[i];
		const struct crash_count *seen = &p->seen[b->seen_word & 1].closed;

		if (p->slot == CRASH_NO_SLOT && p->point < WT_SIGNAL_POINT &&
		    seen->packets <= p->settled[b->settled_word & 1].packets)
			return p;
	}
	return NULL;
}

static struct crash_point *find_or_add(struct crash_bank *b, uint32_t ifindex, uint32_t netns,
				       uint32_t point)
{
	struct crash_point *p = crash_find(b, ifindex, netns, point);
	bool is_new = b->points_len < CRASH_POINTS_MAX;

	if (p)
		return p;
	p = is_new ? &b->points[b->points_len] : unused(b);
	if (!p) {
		log_warn("crash record: no room for interface %u", ifindex);
		return NULL;
	}
	*p = (struct crash_point){
		.ifindex = ifindex, .netns = netns, .point = point, .slot = CRASH_NO_SLOT
	};
	if (is_new)
		__atomic_store_n(&b->points_len, b->points_len + 1, __ATOMIC_RELEASE);
	return p;
}

static void watch(struct crash_bank *b, const struct tables *t, uint32_t slot, uint32_t ifindex)
{
	for (uint32_t i = 0; i < b->points_len; i++)
		if (b->points[i].slot == slot)
			b->points[i].slot = CRASH_NO_SLOT;
	for (uint32_t point = 0; point < t->geometry.points; point++) {
		struct crash_point *p = find_or_add(b, ifindex, t->state->netns, point);

		if (p)
			p->slot = slot;
	}
}

void crashlog_watch(struct crashlog *c, uint32_t slot, uint32_t ifindex)
{
	if (ifindex) /* else the slot's last interval may still be open */
		watch(c->bank, c->tables, slot, ifindex);
}

static struct crash_count signal_sum(const struct signals *s, uint32_t epochs, uint32_t signal)
{
	struct crash_count sum = { 0 };

	for (uint32_t i = 0; s && s->ledgers && i < s->cpus * 2; i++) {
		const struct wt_signal_ledger *l = &s->ledgers[i * WT_SIGNALS + signal];

		if (!(epochs & 1u << i % 2))
			continue;
		sum.packets += l->seen.events + l->nested.events;
		sum.octets += l->seen.bytes + l->nested.bytes;
	}
	return sum;
}

static void look(struct crash_bank *b, const struct tables *t, const struct signals *s,
		 uint32_t epochs, uint32_t into)
{
	for (uint32_t i = 0; i < b->points_len; i++) {
		struct crash_point *p = &b->points[i];

		if (p->point >= WT_SIGNAL_POINT && p->point < WT_SIGNAL_POINT + WT_SIGNALS)
			p->seen[into].open = signal_sum(s, epochs, p->point - WT_SIGNAL_POINT);
		else
			p->seen[into].open = crash_sum(&b->ledgers, (const uint8_t *)t->ledgers,
						       epochs, p->slot, p->point);
	}
}

void crashlog_look(struct crashlog *c)
{
	look(c->bank, c->tables, c->signals, c->epochs, c->bank->seen_word & 1);
}

void crashlog_close_begin(struct crashlog *c)
{
	struct crash_bank *b = c->bank;
	uint32_t now = b->seen_word & 1;

	for (uint32_t i = 0; i < b->points_len; i++)
		b->points[i].seen[!now] = b->points[i].seen[now];
}

void crashlog_closed(struct crashlog *c, const struct agent_ledger *l)
{
	uint32_t next = !(c->bank->seen_word & 1);
	struct crash_point *p = find_or_add(c->bank, l->ifindex, l->netns, l->point);

	if (p)
		crash_add(&p->seen[next].closed, &l->counts[COUNT_SEEN]);
}

void crashlog_close_end(struct crashlog *c, uint32_t active)
{
	uint32_t next = !(c->bank->seen_word & 1);

	c->epochs = 1u << active;
	look(c->bank, c->tables, c->signals, c->epochs, next);
	__atomic_store_n(&c->bank->seen_word, next | (uint64_t)c->epochs << 1, __ATOMIC_RELEASE);
}

void crashlog_zeroed(struct crashlog *c)
{
	c->epochs = BOTH_EPOCHS;
	__atomic_store_n(&c->bank->seen_word, (c->bank->seen_word & 1) | (uint64_t)BOTH_EPOCHS << 1,
			 __ATOMIC_RELEASE);
}

void crashlog_settled(struct crashlog *c, const struct spool_entry *e)
{
	struct crash_bank *b = c->bank;
	uint32_t now = b->settled_word & 1;
	uint32_t len = __atomic_load_n(&b->points_len, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < len; i++) {
		struct crash_point *p = &b->points[i];
		struct crash_count more = crash_of_entry(e, p);

		p->settled[!now].packets = p->settled[now].packets + more.packets;
		p->settled[!now].octets = p->settled[now].octets + more.octets;
	}
	__atomic_store_n(&b->settled_word, (uint64_t)!now | e->sequence << 1, __ATOMIC_RELEASE);
}

/* Waiting batches have been seen, and nothing of them is settled. */
static void add_waiting(void *arg, const struct spool_entry *e)
{
	struct crash_bank *b = arg;
	const struct spool_sum *sums = spool_sums(e);
	const struct agent_ledger *ledgers = spool_ledgers(e);

	for (uint32_t i = 0; i < e->sums_len; i++)
		find_or_add(b, sums[i].ifindex, sums[i].netns, sums[i].point);
	for (uint32_t i = 0; i < e->ledgers_len; i++)
		find_or_add(b, ledgers[i].ifindex, ledgers[i].netns, ledgers[i].point);
	for (uint32_t i = 0; i < b->points_len; i++) {
		struct crash_count more = crash_of_entry(e, &b->points[i]);

		b->points[i].seen[0].closed.packets += more.packets;
		b->points[i].seen[0].closed.octets += more.octets;
	}
}

static void add_carried(struct crash_bank *b, const struct commit *commit)
{
	for (uint32_t i = 0; i < commit->carry_len; i++) {
		const struct agent_ledger *l = &commit->carry[i];
		struct crash_point *p = find_or_add(b, l->ifindex, l->netns, l->point);
		struct crash_count named = crash_named(l);

		if (!p)
			continue;
		p->seen[0].closed.packets += named.packets;
		p->seen[0].closed.octets += named.octets;
	}
}

/* Rows of open intervals: those that are not waiting have arrived. */
static void add_recorded(struct crash_bank *b, const struct commit *commit, uint32_t points)
{
	for (uint32_t epoch = 0; epoch < 2; epoch++) {
		for (uint32_t i = 0; i < b->points_len; i++) {
			struct crash_point *p = &b->points[i];
			uint32_t at = p->slot * points + p->point;

			if (p->point >= WT_SIGNAL_POINT)
				crash_add(&p->settled[0],
					  &commit->signal_recorded[epoch]
								  [p->point - WT_SIGNAL_POINT]);
			else if (p->slot != CRASH_NO_SLOT)
				crash_add(&p->settled[0], &commit->recorded[epoch][at]);
		}
	}
}

static void describe(struct crash_ledgers *l, const char *pin, const struct geometry *g)
{
	*l = (struct crash_ledgers){
		.record_bytes = sizeof(struct wt_ledger),
		.cpus = g->cpus,
		.slots = g->slots,
		.points = g->points,
		.offsets_len = 3,
		.offsets = { offsetof(struct wt_ledger, seen),
			     offsetof(struct wt_ledger, nested[0].packets),
			     offsetof(struct wt_ledger, nested[1].packets) },
	};
	snprintf(l->pin, sizeof(l->pin), "%s", pin);
}

static void add_points(struct crash_bank *b, const struct tables *t)
{
	for (uint32_t i = 0; i < WT_IF_BUCKETS; i++)
		if (t->interfaces[i].ifindex)
			watch(b, t, t->interfaces[i].slot, t->interfaces[i].ifindex);
	watch(b, t, 0, 0);
	for (uint32_t signal = 0; signal < WT_SIGNALS; signal++)
		find_or_add(b, 0, t->state->netns, WT_SIGNAL_POINT + signal);
}

void crashlog_start(struct crashlog *c, struct crash_file *f, const uint8_t owner[16],
		    const char *pin, const struct tables *t, const struct signals *signals,
		    const struct spool *spool)
{
	uint32_t other = crashlog_is_valid(f) ? !f->bank : 0;
	struct crash_bank *b = &f->banks[other];
	const struct commit *commit = &t->state->commit[t->state->current];

	memset(b, 0, sizeof(*b));
	memcpy(b->owner, owner, sizeof(b->owner));
	describe(&b->ledgers, pin, &t->geometry);
	add_points(b, t);
	spool_each(spool, add_waiting, b);
	add_carried(b, commit);
	add_recorded(b, commit, t->geometry.points);
	b->seen_word = (uint64_t)BOTH_EPOCHS << 1;
	look(b, t, signals, BOTH_EPOCHS, 0);
	f->format = CRASH_FORMAT;
	f->size = sizeof(*f);
	identity_boot_id(f->boot_id);
	__atomic_store_n(&f->bank, other, __ATOMIC_RELEASE);
	__atomic_store_n(&f->magic, CRASH_MAGIC, __ATOMIC_RELEASE);
	*c = (struct crashlog){
		.file = f, .bank = b, .tables = t, .signals = signals, .epochs = BOTH_EPOCHS
	};
}
