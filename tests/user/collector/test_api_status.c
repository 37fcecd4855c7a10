// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* /v1/status: what is stored, and who reports. */
#include "tests/user/collector/api_fixture.h"

static struct store *store;

static void setup(void)
{
	data_make();
	cr_assert(store_open(data_dir, &store) == 0);
}

static void teardown(void)
{
	store_close(store);
	data_remove();
}

TestSuite(api_status, .init = setup, .fini = teardown);

static void exporter(uint32_t id, const char *agent, const char *host, const char *file,
		     int64_t last_us)
{
	uint8_t instance[16] = { (uint8_t)id, 0xab };
	struct store_exporter e = { id, agent, instance, host, file, 5, 2, last_us - 1, last_us };

	cr_assert(store_insert_exporter(store, &e) == 0);
}

static const char *text_at(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

Test(api_status, is_there_from_the_start)
{
	json_t *root;

	cr_assert(call(api_status, store, "", &root) == 200);
	cr_expect(number_at(root, "store.rows") == 0);
	cr_expect(number_at(root, "ingest.refused.sequence") == 0);
	cr_expect(json_array_size(json_object_get(root, "agents")) == 0);
	json_decref(root);
}

Test(api_status, lists_agents_newest_first)
{
	struct watched_interface eth0 = { 2, 1, "eth0", "tcx" };
	struct batch *b = make_batch("a", 1, 1, 10, false);
	json_t *root, *a;

	exporter(1, "old", "host1", "", NOW - 5000);
	exporter(2, "new", "host2", "", NOW - 1000);
	exporter(3, "old", "host0", "file.pcap", NOW - 9000);
	cr_assert(store_put_interface(store, "old", &eth0, NOW) == 0);
	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, 1, b, NOW) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
	cr_assert(call(api_status, store, "", &root) == 200);
	cr_expect(number_at(root, "store.rows") == 10);
	cr_expect(number_at(root, "store.tables") == 1);
	cr_expect(number_at(root, "store.last_us") == NOW - 1000000);
	a = json_array_get(json_object_get(root, "agents"), 0);
	cr_expect(!strcmp(text_at(a, "agent"), "new"));
	a = json_array_get(json_object_get(root, "agents"), 1);
	cr_expect(!strcmp(text_at(a, "host"), "host1"), "its newest");
	cr_expect(number_at(a, "last_us") == NOW - 5000);
	cr_expect(json_array_size(json_object_get(a, "exporters")) == 2);
	cr_expect(number_at(a, "exporters.0.high_water") == 5);
	cr_expect(number_at(a, "exporters.0.missing_batches") == 2);
	cr_expect(!strcmp(text_at(json_array_get(json_object_get(a, "exporters"), 1), "instance"),
			  "03ab0000000000000000000000000000"));
	cr_expect(!strcmp(text_at(json_array_get(json_object_get(a, "interfaces"), 0), "hook"),
			  "tcx"));
	json_decref(root);
}
