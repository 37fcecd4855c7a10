// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* One link of the topology: its flows and its connections. */
import type { Connections as ConnectionsAnswer, Top } from "./api";
import { bytes, count, exact, latency } from "./format";
import { Connections } from "./connection_link";
import type { Edge } from "./graph";
import { gradeOf, gradeText, type Health } from "./health";
import { Panel } from "./notice";
import { elsewhere, follow, href, place } from "./place";
import { rangeArgs } from "./range";
import { Table } from "./table";
import { useApi } from "./use_api";

/* "10.0.0.0/24", "10.0.0.1:443", "[2001:db8::1]:443", "10.0.0.1 curl" or an address, as a filter. */
function endFilter(name: string, isFlows: boolean): string {
	const [end, process] = name.split(/ (.*)/s);
	if (end.includes("/")) return `net ${end}`;
	const v6 = /^\[(.*)\]:(\d+)$/.exec(end),
		v4 = /^([\d.]+):(\d+)$/.exec(end);
	const found = v6 ?? v4;
	if (found) return `ip ${found[1]} and port ${found[2]}`;
	return process && isFlows
		? `ip ${end} and process '${process.replaceAll("'", "")}'`
		: `ip ${end}`;
}

export function edgeFilter(e: { a: string; b: string }, isFlows: boolean): string {
	return `${endFilter(e.a, isFlows)} and ${endFilter(e.b, isFlows)}`;
}

export function EdgePanel({
	edge,
	group,
	health,
}: {
	edge: Edge;
	group: string;
	health: Health | undefined;
}) {
	const filter = edgeFilter(edge, group === "process");
	const own = place.value.filter ? `(${place.value.filter}) and ` : "";
	const ports = useApi<Top>("/v1/top", {
		...rangeArgs.value,
		filter: own + filter,
		by: "src,dst,proto,dstport",
		n: 20,
	});
	const connections = useApi<ConnectionsAnswer>("/v1/connections", {
		...rangeArgs.value,
		filter: edgeFilter(edge, false),
		order: "last",
		limit: 50,
	});
	return (
		<>
			<Panel
				title={`${edge.a} ⇄ ${edge.b}`}
				wide
				aside={
					<a
						onClick={follow}
						href={href(elsewhere("explore", { filter: own + filter, mode: "records" }))}
					>
						its flow records
					</a>
				}
			>
				<p>
					{bytes(edge.octets)} in {exact(edge.packets)} packets;{" "}
					<span class={`grade ${gradeOf(health)}`}>{gradeText(health)}</span>
					{health && health.connect_ns > 0 && `; connect ${latency(health.connect_ns)}`}
					{health && health.srtt_us > 0 && `; RTT ${latency(health.srtt_us * 1000)}`}
				</p>
			</Panel>
			<Panel title="Its flows" of={ports}>
				<Table
					label="Flows of the link"
					rows={ports.data?.rows ?? []}
					columns={[
						{ name: "src", label: "from", cell: (r) => r.src },
						{ name: "dst", label: "to", cell: (r) => r.dst },
						{ name: "proto", label: "protocol", cell: (r) => r.proto_name },
						{
							name: "dstport",
							label: "port",
							isNumber: true,
							cell: (r) => r.dstport ?? "–",
						},
						{
							name: "octets",
							label: "bytes",
							isNumber: true,
							title: (r) => exact(r.octets),
							cell: (r) => bytes(r.octets),
						},
						{
							name: "packets",
							label: "packets",
							isNumber: true,
							cell: (r) => count(r.packets),
						},
					]}
				/>
			</Panel>
			<Panel title="Its connections" of={connections}>
				<Connections label="Connections of the link" rows={connections.data?.rows ?? []} />
			</Panel>
		</>
	);
}
