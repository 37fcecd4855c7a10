// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The running kernel's own names, against what its kallsyms and BTF say when read another way. */
#include "user/agent/drop_names.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

static struct drop_names *names(void)
{
	struct drop_names *n = NULL;

	cr_assert_eq(drop_names_read(&n), 0);
	return n;
}

static bool kernel_has_reasons(void)
{
	return !system("bpftool btf dump file /sys/kernel/btf/vmlinux format raw 2>/dev/null | "
		       "grep -q \"ENUM 'skb_drop_reason'\"");
}

Test(drop_names, reasons_of_this_kernel)
{
	struct drop_names *n = names();
	char text[DROP_REASON_MAX];
	uint32_t value = 0;

	cr_assert_eq(drop_names_value(n, "NO_SOCKET", &value), kernel_has_reasons());
	if (kernel_has_reasons()) {
		drop_names_reason(n, value, text, sizeof(text));
		cr_expect_str_eq(text, "NO_SOCKET");
		drop_names_reason(n, 60000, text, sizeof(text));
		cr_expect_str_eq(text, "REASON_60000");
		drop_names_reason(n, 3 << 16 | 7, text, sizeof(text));
		cr_expect_str_eq(text, "SUBSYSTEM_3_7");
	} else {
		drop_names_reason(n, 5, text, sizeof(text));
		cr_expect_str_eq(text, "", "without reasons there are no numbers either");
	}
	cr_expect_not(drop_names_value(n, "NO_SUCH_REASON", &value));
	drop_names_free(n);
}

/* Address of a symbol, by grep; 0 when the kernel hides it. */
static uint64_t address_of(const char *symbol)
{
	char command[128], line[128] = "";
	FILE *f;

	snprintf(command, sizeof(command), "grep ' [Tt] %s$' /proc/kallsyms", symbol);
	f = popen(command, "r");
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	pclose(f);
	return strtoull(line, NULL, 16);
}

Test(drop_names, places_are_functions_and_offsets)
{
	struct drop_names *n = names();
	uint64_t at = address_of("tcp_v4_rcv");
	char text[DROP_LOCATION_MAX];
	struct drop_range range;

	drop_names_location(n, at + 0x1b, text, sizeof(text));
	cr_expect_str_eq(text, at ? "tcp_v4_rcv+0x1b" : "", "at %" PRIx64, at);
	drop_names_location(n, at, text, sizeof(text));
	cr_expect_str_eq(text, at ? "tcp_v4_rcv+0x0" : "");
	drop_names_location(n, 1, text, sizeof(text));
	cr_expect_str_eq(text, "", "nothing lies there");
	drop_names_location(n, UINT64_MAX, text, sizeof(text));
	cr_expect_str_eq(text, "", "far behind the last");
	cr_assert_eq(drop_names_ranges(n, "tcp_v4_rcv", &range, 1), at ? 1 : 0);
	if (at)
		cr_expect(range.start == at && range.end > at + 0x1b);
	cr_expect_eq(drop_names_ranges(n, "no_such_function", &range, 1), 0);
	drop_names_free(n);
}
