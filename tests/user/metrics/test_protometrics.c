// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "user/metrics/protometrics.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/prometheus.pb-c.h"

#define FAMILY Wiretally__Prometheus__MetricFamily

/* The families of these bytes, at most len. */
static size_t read_all(const char *text, FAMILY **ret, size_t len)
{
	size_t bytes, at = 0, n = 0;
	uint8_t *all = (uint8_t *)protometrics_from_text(text, &bytes);

	cr_assert_not_null(all);
	while (at < bytes) {
		size_t size = 0;

		for (int shift = 0;; shift += 7) {
			size |= (size_t)(all[at] & 0x7f) << shift;
			if (!(all[at++] & 0x80))
				break;
		}
		cr_assert(at + size <= bytes && n < len);
		ret[n] = wiretally__prometheus__metric_family__unpack(NULL, size, all + at);
		cr_assert_not_null(ret[n++]);
		at += size;
	}
	free(all);
	return n;
}

static void free_all(FAMILY **all, size_t len)
{
	for (size_t i = 0; i < len; i++)
		wiretally__prometheus__metric_family__free_unpacked(all[i], NULL);
}

Test(protometrics, numbers_and_labels)
{
	FAMILY *all[4];
	size_t n = read_all(
		"# HELP a_total What it is.\n# TYPE a_total counter\n"
		"a_total{x=\"1\",y=\"q\\\"\\\\\\n\"} 5\na_total{x=\"2\",y=\"\"} 6.5\n"
		"# HELP b Now.\n# TYPE b gauge\nb 2\n# HELP c .\n# TYPE c untyped\nc{z=\"1\"} 3\n"
		"# HELP none Nothing.\n# TYPE none gauge\n",
		all, 4);

	cr_assert(n == 3, "a family without samples is left out: %zu", n);
	cr_expect_str_eq(all[0]->name, "a_total");
	cr_expect_str_eq(all[0]->help, "What it is.");
	cr_assert(all[0]->n_metric == 2 && all[0]->metric[0]->n_label == 2);
	cr_expect_str_eq(all[0]->metric[0]->label[1]->name, "y");
	cr_expect_str_eq(all[0]->metric[0]->label[1]->value, "q\"\\\n");
	cr_expect(all[0]->metric[1]->counter->value == 6.5);
	cr_expect(all[1]->metric[0]->gauge->value == 2 && all[1]->metric[0]->n_label == 0);
	cr_expect(all[2]->metric[0]->untyped->value == 3);
	free_all(all, n);
}

#define LINE(le, n) "h_bucket{a=\"x\",le=\"" le "\"} " n "\n"
#define TAIL(n) "h_sum{a=\"x\"} 1.5\nh_count{a=\"x\"} " n "\n"
#define HEAD "# HELP h .\n# TYPE h histogram\n"

Test(protometrics, histograms_twice)
{
	FAMILY *all[1];
	Wiretally__Prometheus__Histogram *h;

	/* 2^20 ns is 2^0.07 ms: buckets end at about 2^-10, 2^-9, 2^-8 s */
	cr_assert(read_all(HEAD LINE("0.001048576", "0") LINE("0.002097152", "3")
				   LINE("0.004194304", "3") LINE("0.008388608", "10")
					   LINE("+Inf", "11") TAIL("11"),
			   all, 1) == 1);
	cr_assert(all[0]->n_metric == 1);
	h = all[0]->metric[0]->histogram;
	cr_expect(h->n_bucket == 5 && h->sample_count == 11 && h->sample_sum == 1.5);
	cr_expect(h->schema == 0 && h->zero_count == 0 && h->zero_threshold > 0);
	cr_assert(h->n_positive_span == 1 && h->n_positive_delta == 4);
	cr_expect(h->positive_span[0]->offset == -9 && h->positive_span[0]->length == 4);
	cr_expect(h->positive_delta[0] == 3 && h->positive_delta[1] == -3 &&
		  h->positive_delta[2] == 7 && h->positive_delta[3] == -6);
	free_all(all, 1);
}

Test(protometrics, a_histogram_without_samples)
{
	FAMILY *all[1];
	Wiretally__Prometheus__Histogram *h;

	cr_assert(read_all(HEAD LINE("1", "0") LINE("+Inf", "0") TAIL("0"), all, 1) == 1);
	h = all[0]->metric[0]->histogram;
	cr_expect(h->n_positive_span == 1 && h->positive_span[0]->length == 0 &&
		  h->n_positive_delta == 0);
	free_all(all, 1);
}

Test(protometrics, several_histograms)
{
	FAMILY *all[1];

	cr_assert(
		read_all(
			HEAD LINE("1", "1") LINE("+Inf", "1") TAIL(
				"1") "h_bucket{a=\"y\",le=\"+Inf\"} 2\nh_sum{a=\"y\"} 1\nh_count{a=\"y\"} 2\n",
			all, 1) == 1);
	cr_assert(all[0]->n_metric == 2);
	cr_expect_str_eq(all[0]->metric[1]->label[0]->value, "y");
	cr_expect(all[0]->metric[1]->n_label == 1 &&
		  all[0]->metric[1]->histogram->sample_count == 2);
	free_all(all, 1);
}

Test(protometrics, any_text)
{
	static const char *const texts[] = {
		"",
		"\n",
		"a 1",
		"# HELP",
		"# HELP x",
		"# HELP x y\nx",
		"# HELP x y\nx{",
		"# HELP x y\nx{a",
		"# HELP x y\nx{a=\"",
		"# HELP x y\nx{a=\"\\",
		"# HELP x y\n# TYPE x histogram\nx_count 1",
		"# HELP x y\n# TYPE x histogram\nx_bucket 1\nx_count 1",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FAMILY *all[4];

		free_all(all, read_all(texts[i], all, 4));
	}
}
