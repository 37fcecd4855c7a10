// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* How TCP fares: latencies over time, the slowest, the failing, those that send again. */
import { useMemo } from "preact/hooks";
import type { Connections as ConnectionsAnswer, LatencyRow, TcpRow } from "./api";
import { Connections } from "./connection_link";
import { bytes, endpoint, exact, latency, percent } from "./format";
import { Heat } from "./heat";
import { byTime } from "./histogram";
import { Panel } from "./notice";
import { changed, elsewhere, follow, go, href, place } from "./place";
import { rangeArgs, rangeSeconds, stepFor } from "./range";
import { type Column, Table } from "./table";
import { type Answer, useApi } from "./use_api";

const DESTINATION: Column<TcpRow> = {
	name: "dst",
	label: "destination",
	cell: (r) => (
		<a
			onClick={follow}
			href={href(elsewhere("tcp", { filter: `dst ip ${r.dst} and dst port ${r.dst_port}` }))}
		>
			{endpoint(r.dst, r.dst_port)}
		</a>
	),
};
/* Both ends may be watched, and each has measured for itself. */
const SEEN_BY: Column<TcpRow> = { name: "role", label: "seen by", cell: (r) => r.role };
const CONNECTIONS: Column<TcpRow> = {
	name: "connections",
	label: "connections",
	isNumber: true,
	cell: (r) => exact(r.connections),
};

function Destinations({
	title,
	order,
	filter,
	columns,
	isWorthIt,
}: {
	title: string;
	order: string;
	filter?: string;
	columns: Column<TcpRow>[];
	isWorthIt: (r: TcpRow) => boolean;
}) {
	const answer = useApi<{ rows: TcpRow[] }>("/v1/tcp", {
		...rangeArgs.value,
		filter,
		order,
		by: "dst,dstport,role",
		n: 15,
	});
	return (
		<Panel title={title} of={answer}>
			<Table
				label={title}
				rows={(answer.data?.rows ?? []).filter(isWorthIt)}
				columns={[DESTINATION, SEEN_BY, CONNECTIONS, ...columns]}
				empty="none"
			/>
		</Panel>
	);
}

function HeatPanel({
	title,
	kind,
	of,
}: {
	title: string;
	kind: string;
	of: Answer<{ rows: LatencyRow[] }>;
}) {
	const times = useMemo(() => byTime(of.data?.rows ?? [], kind), [of.data, kind]);
	return (
		<Panel title={title} of={of} wide>
			<Heat title={title} of={times} />
		</Panel>
	);
}

export function Tcp() {
	const at = place.value,
		filter = at.filter;
	const step = Math.max(10, stepFor(rangeSeconds.value, 60));
	const latencies = useApi<{ rows: LatencyRow[] }>("/v1/latencies", {
		...rangeArgs.value,
		by: "host",
		n: 100,
		step,
	});
	const order = ["start", "connect", "rtt", "retransmits", "octets"].includes(at.order)
		? at.order
		: "last";
	const connections = useApi<ConnectionsAnswer>("/v1/connections", {
		...rangeArgs.value,
		filter,
		order,
		limit: 100,
		failed: at.failed,
	});
	return (
		<div class="grid">
			<HeatPanel title="Time to connect" kind="connect" of={latencies} />
			<HeatPanel title="Round trips" kind="rtt" of={latencies} />
			<Destinations
				title="Slowest to connect"
				order="connect"
				filter={filter}
				isWorthIt={(r) => (r.connect_p95_ns ?? 0) > 0}
				columns={[
					{
						name: "p50",
						label: "p50",
						isNumber: true,
						cell: (r) => latency(r.connect_p50_ns),
					},
					{
						name: "p95",
						label: "p95",
						isNumber: true,
						cell: (r) => latency(r.connect_p95_ns),
					},
				]}
			/>
			<Destinations
				title="Failing"
				order="failures"
				filter={filter}
				isWorthIt={(r) => r.failed > 0}
				columns={[
					{
						name: "failed",
						label: "failed",
						isNumber: true,
						cell: (r) => exact(r.failed),
					},
					{
						name: "share",
						label: "share",
						isNumber: true,
						cell: (r) => percent(r.failed, r.connections),
					},
				]}
			/>
			<Destinations
				title="Sent again"
				order="retransmits"
				filter={filter}
				isWorthIt={(r) => r.retransmits > 0}
				columns={[
					{
						name: "retransmits",
						label: "segments",
						isNumber: true,
						cell: (r) => exact(r.retransmits),
					},
					{
						name: "share",
						label: "share",
						isNumber: true,
						cell: (r) => percent(r.retransmits, r.segments_out),
					},
				]}
			/>
			<Destinations
				title="Longest round trips"
				order="rtt"
				filter={filter}
				isWorthIt={(r) => (r.srtt_p95_us ?? 0) > 0}
				columns={[
					{
						name: "rtt",
						label: "p95",
						isNumber: true,
						cell: (r) => latency((r.srtt_p95_us ?? 0) * 1000),
					},
					{
						name: "octets",
						label: "bytes",
						isNumber: true,
						cell: (r) => bytes(r.octets_acked + r.octets_received),
					},
				]}
			/>
			<Panel
				title="Connections"
				of={connections}
				wide
				aside={
					<label>
						<input
							type="checkbox"
							checked={at.failed === "1"}
							onChange={(e) =>
								go(changed({ failed: e.currentTarget.checked ? "1" : "" }))
							}
						/>{" "}
						failed only
					</label>
				}
			>
				<Connections
					label="Connections"
					rows={connections.data?.rows ?? []}
					sorted={order}
					onSort={(name) => go(changed({ order: name }))}
				/>
				{connections.data && (
					<p class="muted">
						{exact(connections.data.rows.length)} of {exact(connections.data.matched)}
					</p>
				)}
			</Panel>
		</div>
	);
}
