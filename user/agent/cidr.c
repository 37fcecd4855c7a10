// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Networks as text in, LPM entries out. */
#include "user/agent/cidr.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "kern/abi.h"
#include "user/agent/scope.h"
#include "user/lib/addr.h"
#include "user/lib/log.h"

/* The length of the prefix that first and last have in common, of 128 bits. */
static uint32_t prefix_bits(const uint8_t first[16], const uint8_t last[16])
{
	uint32_t bits = 0;

	while (bits < 128 && !((first[bits / 8] ^ last[bits / 8]) & (0x80 >> bits % 8)))
		bits++;
	return bits;
}

/* 0, -EINVAL, or -ENOENT when the entry is for other interfaces than name (NULL: any). */
static int make_key(const char *entry, const char *name, uint32_t slot, struct wt_cidr_key *key)
{
	const char *text = scope_value(entry, name);
	uint8_t last[16];

	if (!text)
		return -ENOENT;
	if (addr_net_parse(text, key->addr, last))
		return -EINVAL;
	key->slot = slot;
	key->prefixlen = 32 + prefix_bits(key->addr, last);
	return 0;
}

static int check_list(const struct option_list *list, const char *option)
{
	struct wt_cidr_key key;

	for (size_t i = 0; i < list->len; i++) {
		if (!make_key(list->values[i], NULL, 0, &key))
			continue;
		log_error("--%s '%s' is not a network (10.0.0.0/8, 2001:db8::/32)", option,
			  list->values[i]);
		return -EINVAL;
	}
	return 0;
}

int cidr_check(const struct config *c)
{
	int err = check_list(&c->allow, "allow");

	return err ? err : check_list(&c->deny, "deny");
}

static int write_list(int map_fd, const struct iface *iface, const struct option_list *list,
		      __u32 verdict)
{
	struct wt_cidr_key key;
	int written = 0;

	for (size_t i = 0; i < list->len; i++) {
		if (make_key(list->values[i], iface->name, iface->slot, &key))
			continue;
		if (bpf_map_update_elem(map_fd, &key, &verdict, BPF_ANY))
			return -errno;
		written++;
	}
	return written;
}

int cidr_write(int map_fd, const struct iface *iface, const struct config *c, uint8_t *flags)
{
	int allowed = write_list(map_fd, iface, &c->allow, WT_CIDR_ALLOW);
	int denied = write_list(map_fd, iface, &c->deny, WT_CIDR_DENY);

	if (allowed < 0 || denied < 0)
		return allowed < 0 ? allowed : denied;
	*flags = (allowed || denied ? WT_IF_FILTER : 0) | (allowed ? WT_IF_ALLOWLIST : 0);
	return 0;
}

static void erase_list(int map_fd, const struct iface *iface, const struct option_list *list)
{
	struct wt_cidr_key key;

	for (size_t i = 0; i < list->len; i++)
		if (!make_key(list->values[i], iface->name, iface->slot, &key))
			bpf_map_delete_elem(map_fd, &key);
}

void cidr_erase(int map_fd, const struct iface *iface, const struct config *c)
{
	erase_list(map_fd, iface, &c->allow);
	erase_list(map_fd, iface, &c->deny);
}

void cidr_clear(int map_fd)
{
	struct wt_cidr_key key;

	for (int i = 0; i < WT_CIDR_MAX && !bpf_map_get_next_key(map_fd, NULL, &key); i++)
		bpf_map_delete_elem(map_fd, &key);
}
