/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Malformed batches, a row each: BAD(name, what the decoder says, what is done to a good batch).
 * Included twice by test_batch.c, hence no guard.
 */
/* clang-format off */
BAD(schema_unknown, "unknown schema version", m->schema = 2)
BAD(schema_zero, "unknown schema version", m->schema = 0)
BAD(agent_empty, "agent is not 1 to 64 characters of [A-Za-z0-9._-]", m->agent = "")
BAD(agent_slash, "agent is not 1 to 64 characters of [A-Za-z0-9._-]", m->agent = "../x")
BAD(agent_65, "agent is not 1 to 64 characters of [A-Za-z0-9._-]",
    m->agent = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
BAD(instance_15, "instance is not 16 bytes", m->instance.len = 15)
BAD(instance_none, "instance is not 16 bytes", m->instance.len = 0)
BAD(boot_id_16_or_none, "boot_id is neither 0 nor 16 bytes", m->boot_id = m->instance; m->boot_id.len = 3)
BAD(sequence_0, "sequence is 0", m->sequence = 0)
BAD(interval_0, "interval is 0", m->interval = 0)
BAD(host_long, "host is too long", static char long_name[300]; memset(long_name, 'x', 256); m->host = long_name)
BAD(exporter_long, "exporter is too long", static char long_name[300]; memset(long_name, 'x', 256); m->exporter = long_name)
BAD(rows_many, "too many rows", m->flows->rows = BATCH_ROWS_MAX + 1)
BAD(rows_claimed, "column packets has neither 0 nor one value a row", m->flows->rows = 3)
BAD(addresses_odd, "addresses are not 16 bytes each", m->flows->addresses.len = 31)
BAD(addresses_many, "more than two addresses a row",
    static uint8_t many[5 * 16];
    m->flows->addresses = ((ProtobufCBinaryData){ sizeof(many), many }))
BAD(addresses_none, "address index is beyond the address table", m->flows->addresses.len = 0)
BAD(source_beyond, "address index is beyond the address table", U32(source, 2, 2))
BAD(destination_beyond, "address index is beyond the address table", U32(destination, 2, UINT32_MAX))
BAD(source_short, "column source has neither 0 nor one value a row", U32(source, 1, 0))
BAD(destination_long, "column destination has neither 0 nor one value a row", U32(destination, 3, 0))
BAD(kind_short, "column kind has neither 0 nor one value a row", U32(kind, 1, 0))
BAD(start_short, "column start has neither 0 nor one value a row", S64(start, 1, 0))
BAD(duration_long, "column duration has neither 0 nor one value a row", U64(duration, 3, 0))
BAD(source_port_short, "column source_port has neither 0 nor one value a row", U32(source_port, 1, 1))
BAD(destination_port_long, "column destination_port has neither 0 nor one value a row", U32(destination_port, 3, 1))
BAD(l3_octets_short, "column l3_octets has neither 0 nor one value a row", U64(l3_octets, 1, 1))
BAD(sampling_short, "column sampling has neither 0 nor one value a row", U32(sampling, 1, 1))
BAD(source_port_17_bits, "column source_port holds a value that is too large", U32(source_port, 2, 65536))
BAD(destination_port_17_bits, "column destination_port holds a value that is too large", U32(destination_port, 2, 65536))
BAD(protocol_9_bits, "column protocol holds a value that is too large", U32(protocol, 2, 256))
BAD(ethertype_17_bits, "column ethertype holds a value that is too large", U32(ethertype, 2, 65536))
BAD(vlan_outer_17_bits, "column vlan_outer holds a value that is too large", U32(vlan_outer, 2, 65536))
BAD(ttl_min_9_bits, "column ttl_min holds a value that is too large", U32(ttl_min, 2, 256))
BAD(ttl_max_9_bits, "column ttl_max holds a value that is too large", U32(ttl_max, 2, 256))
BAD(dscp_9_bits, "column dscp holds a value that is too large", U32(dscp, 2, 256))
BAD(kind_17_bits, "column kind holds a value that is too large", U32(kind, 2, 65536))
BAD(kind_unknown, "unknown kind of row", U32(kind, 2, 2))
BAD(vlan_without_bit, "VLAN is neither 0 nor 0x1000 and an id", U32(vlan_outer, 2, 5))
BAD(vlan_too_large, "VLAN is neither 0 nor 0x1000 and an id", U32(vlan_inner, 2, 0x2001))
BAD(tcp_flags_13_bits, "TCP flags have more than 12 bits", U32(tcp_flags, 2, 0x1000))
BAD(dscp_64, "DSCP is above 63", U32(dscp, 2, 64))
BAD(packets_none, "row has no packets", U64(packets, 2, 0))
BAD(packets_left_out, "row has no packets", m->flows->n_packets = 0)
BAD(packets_huge, "row counts more than 2^48", U64(packets, 2, BATCH_COUNT_MAX + 1))
BAD(octets_huge, "row counts more than 2^48", U64(l2_octets, 2, UINT64_MAX))
BAD(base_overflow, "time overflows", m->base_time_us = INT64_MAX; S64(start, 2, 1))
BAD(duration_overflow, "time overflows", m->base_time_us = 1; U64(duration, 2, INT64_MAX))
BAD(duration_unsigned_overflow, "time overflows", m->base_time_us = 1; U64(duration, 2, UINT64_MAX))
BAD(start_negative, "time is out of range", S64(start, 2, -1))
BAD(end_beyond_9999, "time is out of range", m->base_time_us = BATCH_TIME_MAX_US + 1)
BAD(ledger_many, "too many ledger rows",
    static Wiretally__V1__LedgerRow *rows[BATCH_LEDGER_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) rows[i] = m->ledger[0];
    m->ledger = rows; m->n_ledger = ARRAY_LEN(rows))
BAD(ledger_interval_0, "ledger's interval is 0", m->ledger[0]->interval = 0)
BAD(ledger_point_4, "ledger's point is unknown", m->ledger[0]->point = 4)
BAD(ledger_backwards, "end is before start", m->ledger[0]->start_us = 1)
BAD(ledger_negative, "time is out of range", m->ledger[0]->start_us = -1)
BAD(ledger_counts_65, "too many counts in a ledger row", m->ledger[0]->n_counts = LEDGER_COUNTS_MAX + 1)
BAD(count_nameless, "ledger count's name is not 1 to 47 printable characters", m->ledger[0]->counts[0]->name = "")
BAD(count_name_48, "ledger count's name is not 1 to 47 printable characters",
    m->ledger[0]->counts[0]->name = "123456789012345678901234567890123456789012345678")
BAD(count_name_newline, "ledger count's name is not 1 to 47 printable characters", m->ledger[0]->counts[0]->name = "a\nb")
BAD(count_name_quote, "ledger count's name is not 1 to 47 printable characters", m->ledger[0]->counts[0]->name = "a\"b")
BAD(count_name_utf8, "ledger count's name is not 1 to 47 printable characters", m->ledger[0]->counts[0]->name = "\xc3\xa9")
BAD(count_huge, "ledger counts more than 2^48", m->ledger[0]->counts[0]->packets = UINT64_MAX)
BAD(count_octets_huge, "ledger counts more than 2^48", m->ledger[0]->counts[0]->octets = UINT64_MAX)
BAD(interfaces_many, "too many interfaces",
    static Wiretally__V1__Interface *list[BATCH_INTERFACES_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(list); i++) list[i] = m->interfaces[0];
    m->interfaces = list; m->n_interfaces = ARRAY_LEN(list))
BAD(interface_name_32, "interface's name or hook is too long", m->interfaces[0]->name = "12345678901234567890123456789012")
BAD(interface_hook_24, "interface's name or hook is too long", m->interfaces[0]->hook = "123456789012345678901234")
BAD(own_addresses_odd, "own addresses are not 16 bytes each", m->own_addresses.len = 15)
BAD(own_addresses_many, "too many own addresses",
    static uint8_t many[16 * (BATCH_ADDRESSES_MAX + 1)];
    m->own_addresses = ((ProtobufCBinaryData){ sizeof(many), many }))
