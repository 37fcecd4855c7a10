// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * kafkamock BROKERS: librdkafka's mock cluster as a process. Prints its addresses, then does what
 * stdin says, a line at a time, and answers "done": "down N", "up N" (broker 1 on), "refuse N": the
 * next N requests to produce get NOT_ENOUGH_REPLICAS. It keeps messages in memory alone, and
 * is no proof of what real brokers do.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API_PRODUCE 0

static void refuse(rd_kafka_mock_cluster_t *cluster, int n)
{
	for (int i = 0; i < n; i++)
		rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1,
						  RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
}

int main(int argc, char **argv)
{
	char error[256], line[64], word[16];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *rk;

	rd_kafka_conf_set(conf, "log_level", "2", error, sizeof(error));
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	cluster = rk ? rd_kafka_mock_cluster_new(rk, argc > 1 ? atoi(argv[1]) : 1) : NULL;
	if (!cluster) {
		fprintf(stderr, "kafkamock: %s\n", error);
		return 1;
	}
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int n = 0;

		if (sscanf(line, "%15s %d", word, &n) != 2)
			continue;
		if (!strcmp(word, "down"))
			rd_kafka_mock_broker_set_down(cluster, n);
		else if (!strcmp(word, "up"))
			rd_kafka_mock_broker_set_up(cluster, n);
		else if (!strcmp(word, "refuse"))
			refuse(cluster, n);
		puts("done");
		fflush(stdout);
	}
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return 0;
}
