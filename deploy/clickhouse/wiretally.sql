-- SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
-- Flows of a Kafka topic into ClickHouse, and their sums by minute. For
--   wiretally-collector --sink 'kafka://kafka:9092/flows?format=json'
-- Not run against a current ClickHouse server: none was to be had.

CREATE DATABASE IF NOT EXISTS wiretally;

CREATE TABLE IF NOT EXISTS wiretally.queue
(
    type String, agent String, host String, exporter String,
    start_us Int64, end_us Int64,
    src Nullable(String), dst Nullable(String),
    src_port Nullable(UInt16), dst_port Nullable(UInt16),
    proto UInt8, ethertype UInt16, folded Bool,
    packets UInt64, octets UInt64, l3_octets UInt64,
    tcp_flags UInt16, dscp UInt8, sampling UInt32,
    src_as UInt32, dst_as UInt32,
    interface Nullable(String), ifindex UInt32, direction String
)
ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka:9092', kafka_topic_list = 'flows',
         kafka_group_name = 'clickhouse', kafka_format = 'JSONEachRow',
         input_format_skip_unknown_fields = 1;

CREATE TABLE IF NOT EXISTS wiretally.flows
(
    start DateTime64(6) CODEC(Delta, ZSTD), end DateTime64(6) CODEC(Delta, ZSTD),
    host LowCardinality(String), agent LowCardinality(String),
    exporter LowCardinality(String), interface LowCardinality(String),
    direction LowCardinality(String),
    src IPv6, dst IPv6, src_port UInt16, dst_port UInt16, proto UInt8, ethertype UInt16,
    folded Bool, packets UInt64, octets UInt64, l3_octets UInt64,
    tcp_flags UInt16, dscp UInt8, sampling UInt32, src_as UInt32, dst_as UInt32
)
ENGINE = MergeTree
PARTITION BY toDate(start)
ORDER BY (toStartOfHour(start), src, dst, dst_port, start)
TTL toDateTime(start) + INTERVAL 7 DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS wiretally.flows_in TO wiretally.flows AS
SELECT
    fromUnixTimestamp64Micro(start_us) AS start, fromUnixTimestamp64Micro(end_us) AS end,
    host, agent, exporter, ifNull(interface, concat('if', toString(ifindex))) AS interface,
    direction, toIPv6(ifNull(src, '::')) AS src, toIPv6(ifNull(dst, '::')) AS dst,
    ifNull(src_port, 0) AS src_port, ifNull(dst_port, 0) AS dst_port, proto, ethertype, folded,
    packets, octets, l3_octets, tcp_flags, dscp, sampling, src_as, dst_as
FROM wiretally.queue
WHERE type = 'flow';

CREATE TABLE IF NOT EXISTS wiretally.minutes
(
    minute DateTime, host LowCardinality(String), src IPv6, dst IPv6, dst_port UInt16, proto UInt8,
    packets UInt64, octets UInt64, flows UInt64
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, host, src, dst, dst_port, proto)
TTL minute + INTERVAL 400 DAY;

-- of sampled rows, what they stand for
CREATE MATERIALIZED VIEW IF NOT EXISTS wiretally.minutes_in TO wiretally.minutes AS
SELECT
    toStartOfMinute(start) AS minute, host, src, dst, least(src_port, dst_port) AS dst_port, proto,
    sum(packets * greatest(sampling, 1)) AS packets, sum(octets * greatest(sampling, 1)) AS octets,
    count() AS flows
FROM wiretally.flows
GROUP BY minute, host, src, dst, dst_port, proto;
