// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The kernel's BTF and its symbols in, names of drop reasons and places out. */
#include "user/agent/drop_names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define REASON_PREFIX "SKB_DROP_REASON_"
#define REASONS_MAX 512 /* of one subsystem */
#define SYMBOLS_MAX 262144
#define TEXT_MAX (5u << 20)
#define OFFSET_MAX (1u << 20) /* no function is longer: beyond it lies a hole */

/* enum skb_drop_reason_subsys: the upper half of a reason; 0 is the core. */
#define SUBSYSTEM_SHIFT 16

struct reason {
	uint32_t value;
	char name[DROP_REASON_MAX];
};

struct symbol {
	uint64_t address;
	uint32_t name; /* offset in text */
};

struct drop_names {
	struct reason *reasons;
	size_t reasons_len;
	struct symbol *symbols;
	size_t symbols_len;
	char *text;
	size_t text_len;
};

static void add_reason(struct drop_names *n, uint32_t value, const char *name)
{
	struct reason *r = &n->reasons[n->reasons_len];

	if (n->reasons_len == REASONS_MAX)
		return;
	r->value = value;
	snprintf(r->name, sizeof(r->name), "%s", name);
	n->reasons_len++;
}

/* A kernel without the enum has no reasons: then there is nothing to name. */
static int read_reasons(struct drop_names *n)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *t;
	const struct btf_enum *e;
	int err = libbpf_get_error(btf), id;

	if (err)
		return err;
	n->reasons = calloc(REASONS_MAX, sizeof(*n->reasons));
	id = btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM);
	t = id > 0 ? btf__type_by_id(btf, id) : NULL;
	e = t ? btf_enum(t) : NULL;
	for (int i = 0; n->reasons && t && i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, e[i].name_off);

		if (name && !strncmp(name, REASON_PREFIX, strlen(REASON_PREFIX)))
			name += strlen(REASON_PREFIX);
		else if (name && !strncmp(name, "SKB_", 4))
			name += 4; /* SKB_NOT_DROPPED_YET, SKB_CONSUMED in kernels of a time */
		if (name)
			add_reason(n, e[i].val, name);
	}
	btf__free(btf);
	return n->reasons ? 0 : -ENOMEM;
}

static bool is_text(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

static bool add_symbol(struct drop_names *n, uint64_t address, const char *name)
{
	size_t len = strlen(name) + 1;

	if (n->symbols_len == SYMBOLS_MAX || n->text_len + len > TEXT_MAX)
		return false;
	n->symbols[n->symbols_len++] = (struct symbol){ address, (uint32_t)n->text_len };
	memcpy(n->text + n->text_len, name, len);
	n->text_len += len;
	return true;
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* "ffffffff810002b8 T _stext" and, of modules, "\t[name]" behind it. */
static int read_symbols(struct drop_names *n)
{
	AUTO_FILE FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], name[DROP_LOCATION_MAX];
	bool has_room = true;
	void *less;

	n->symbols = calloc(SYMBOLS_MAX, sizeof(*n->symbols));
	n->text = malloc(TEXT_MAX);
	if (!n->symbols || !n->text)
		return -ENOMEM;
	while (f && has_room && fgets(line, sizeof(line), f)) {
		uint64_t address;
		char type;

		/* Room for "+0xfffff" behind it. */
		if (sscanf(line, "%" SCNx64 " %c %54s", &address, &type, name) == 3 && address &&
		    is_text(type))
			has_room = add_symbol(n, address, name);
	}
	qsort(n->symbols, n->symbols_len, sizeof(*n->symbols), by_address);
	less = realloc(n->symbols, (n->symbols_len + 1) * sizeof(*n->symbols));
	if (less)
		n->symbols = less;
	less = realloc(n->text, n->text_len + 1);
	if (less)
		n->text = less;
	return 0;
}

int drop_names_read(struct drop_names **ret)
{
	AUTO(drop_names_free) struct drop_names *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	err = read_reasons(n);
	if (!err)
		err = read_symbols(n);
	if (err)
		return err;
	*ret = TAKE(n);
	return 0;
}

void drop_names_free(struct drop_names *n)
{
	if (!n)
		return;
	free(n->reasons);
	free(n->symbols);
	free(n->text);
	free(n);
}

void drop_names_reason(const struct drop_names *n, uint32_t reason, char *to, size_t size)
{
	to[0] = '\0';
	if (!n->reasons_len)
		return;
	for (size_t i = 0; i < n->reasons_len; i++) {
		if (n->reasons[i].value != reason)
			continue;
		snprintf(to, size, "%s", n->reasons[i].name);
		return;
	}
	if (reason >> SUBSYSTEM_SHIFT)
		snprintf(to, size, "SUBSYSTEM_%u_%u", reason >> SUBSYSTEM_SHIFT, reason & 0xffff);
	else
		snprintf(to, size, "REASON_%u", reason);
}

bool drop_names_value(const struct drop_names *n, const char *name, uint32_t *value)
{
	for (size_t i = 0; i < n->reasons_len; i++) {
		if (strcmp(n->reasons[i].name, name))
			continue;
		*value = n->reasons[i].value;
		return true;
	}
	return false;
}

/* The last symbol at or below address; NULL when there is none near. */
static const struct symbol *symbol_at(const struct drop_names *n, uint64_t address)
{
	size_t low = 0, high = n->symbols_len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (n->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address - n->symbols[low - 1].address > OFFSET_MAX)
		return NULL;
	return &n->symbols[low - 1];
}

void drop_names_location(const struct drop_names *n, uint64_t address, char *to, size_t size)
{
	const struct symbol *s = symbol_at(n, address);

	to[0] = '\0';
	if (s)
		snprintf(to, size, "%s+0x%" PRIx64, n->text + s->name, address - s->address);
}

int drop_names_ranges(const struct drop_names *n, const char *name, struct drop_range *ranges,
		      int max)
{
	int len = 0;

	for (size_t i = 0; i < n->symbols_len && len < max; i++) {
		if (strcmp(n->text + n->symbols[i].name, name))
			continue;
		ranges[len].start = n->symbols[i].address;
		ranges[len].end = i + 1 < n->symbols_len ? n->symbols[i + 1].address
							 : n->symbols[i].address + 1;
		len++;
	}
	return len;
}
