// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Connections as a table, each leading to its own view. */
import type { Connection } from "./api";
import { bytes, count, endpoint, exact, latency, time } from "./format";
import { elsewhere, follow, href, type Place } from "./place";
import { Table } from "./table";

/* All that finds the connection again, whoever opens the link. */
export function placeOf(c: Connection): Place {
	const filter =
		`ip ${c.local_address} and port ${c.local_port} and ` +
		`ip ${c.remote_address} and port ${c.remote_port}`;
	return elsewhere("connection", {
		id: c.id,
		filter,
		last: "",
		from: String(Math.max(1, (c.start_us || c.last_us) - 3600e6)),
		to: "",
	});
}

export function Connections({
	rows,
	label,
	sorted,
	onSort,
}: {
	rows: Connection[];
	label: string;
	sorted?: string;
	onSort?: (name: string) => void;
}) {
	return (
		<Table
			label={label}
			rows={rows}
			sorted={sorted}
			onSort={onSort}
			empty="no connections match"
			columns={[
				{
					name: "start",
					label: "start",
					canSort: true,
					cell: (c) => (
						<a onClick={follow} href={href(placeOf(c))}>
							{time(c.start_us || c.last_us).slice(5, 23)}
						</a>
					),
				},
				{
					name: "local",
					label: "local",
					cell: (c) => endpoint(c.local_address, c.local_port),
				},
				{
					name: "remote",
					label: "remote",
					cell: (c) => endpoint(c.remote_address, c.remote_port),
				},
				{ name: "process", label: "process", cell: (c) => c.comm || "–" },
				{ name: "role", label: "role", cell: (c) => c.role },
				{
					name: "state",
					label: "state",
					cell: (c) => (c.error ? `${c.end}: ${c.error}` : c.end_us ? c.end : c.state),
				},
				{
					name: "connect",
					label: "connect",
					isNumber: true,
					canSort: true,
					cell: (c) => latency(c.connect_ns),
				},
				{
					name: "rtt",
					label: "RTT",
					isNumber: true,
					canSort: true,
					cell: (c) => latency(c.srtt_us * 1000),
				},
				{
					name: "retransmits",
					label: "sent again",
					isNumber: true,
					canSort: true,
					cell: (c) => exact(c.retransmits),
				},
				{
					name: "octets",
					label: "sent / received",
					isNumber: true,
					canSort: true,
					title: (c) => `${count(c.segments_out)} segments out`,
					cell: (c) => `${bytes(c.octets_acked)} / ${bytes(c.octets_received)}`,
				},
			]}
		/>
	);
}
