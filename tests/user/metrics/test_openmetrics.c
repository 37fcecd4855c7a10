// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "user/metrics/openmetrics.h"

static void expect(const char *text, const char *want)
{
	size_t len;
	char *got = openmetrics_from_text(text, &len);

	cr_assert_str_eq(got, want);
	cr_expect(len == strlen(want));
	free(got);
}

Test(openmetrics, names_counters_without_their_suffix)
{
	expect("# HELP a_total What.\n# TYPE a_total counter\na_total{x=\"1\"} 5\n"
	       "# HELP b Now.\n# TYPE b gauge\nb 2\n",
	       "# TYPE a counter\n# HELP a What.\na_total{x=\"1\"} 5\n"
	       "# TYPE b gauge\n# HELP b Now.\nb 2\n# EOF\n");
}

Test(openmetrics, keeps_names_of_what_is_no_counter)
{
	expect("# HELP c_total A level.\n# TYPE c_total untyped\nc_total 1\n",
	       "# TYPE c_total unknown\n# HELP c_total A level.\nc_total 1\n# EOF\n");
}

Test(openmetrics, takes_any_text)
{
	expect("", "# EOF\n");
	expect("a 1", "a 1\n# EOF\n");
	expect("# HELP x\n", "# HELP x\n# EOF\n");
	expect("# HELP x y\nx 1\n", "# HELP x y\nx 1\n# EOF\n");
	expect("# HELP x y", "# HELP x y\n# EOF\n");
	expect("# HELP x y\n# TYPE x counter", "# TYPE x counter\n# HELP x y\n# EOF\n");
}
