// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* An incident as it happens: how much, who, how well, what was lost, and whether it adds up. */
import { useMemo } from "preact/hooks";
import { Alerts } from "./alerts";
import type {
	Alerts as AlertRows,
	Args,
	Drops,
	Flows,
	LatencyRow,
	Ledger,
	Series,
	Status,
	TcpRow,
} from "./api";
import { Chart } from "./chart";
import { bitRate, bytes, count, exact, latency, percent, time } from "./format";
import { byTime, merged, quantile } from "./histogram";
import { Panel } from "./notice";
import { Attention, Hosts, LedgerTile, Nothing } from "./overview_parts";
import { elsewhere, follow, href, place, changed, go } from "./place";
import { everySeconds, rangeArgs, rangeSeconds, stepArgs, stepFor } from "./range";
import { linesOf, sumsOf, timesOf, totalOf } from "./series_lines";
import { Table } from "./table";
import { type Answer, useApi } from "./use_api";

const KEYS = ["conversation", "src", "dst", "dstport", "proto"];

function Tile({
	name,
	value,
	title,
	link,
}: {
	name: string;
	value: string;
	title?: string;
	link?: string;
}) {
	return (
		<div class="tile">
			<dt>
				{link ? (
					<a href={link} onClick={follow}>
						{name}
					</a>
				) : (
					name
				)}
			</dt>
			<dd title={title} data-tile={name}>
				{value}
			</dd>
		</div>
	);
}

function sum(rows: TcpRow[], what: keyof TcpRow): number {
	return rows.reduce((all, row) => all + Number(row[what] ?? 0), 0);
}

function Tiles({
	ways,
	active,
	tcp,
	latencies,
	drops,
	ledger,
}: {
	active: Answer<Flows>;
	ways: Answer<Series>;
	tcp: Answer<{ rows: TcpRow[] }>;
	latencies: Answer<{ rows: LatencyRow[] }>;
	drops: Answer<Drops>;
	ledger: Answer<Ledger>;
}) {
	const seconds = ways.data ? (ways.data.to_us - ways.data.from_us) / 1e6 : rangeSeconds.value;
	const total = ways.data && totalOf(ways.data),
		health = tcp.data?.rows ?? [];
	const connect = merged(latencies.data?.rows ?? [], "connect");
	const rtt = merged(latencies.data?.rows ?? [], "rtt");
	const resent = sum(health, "retransmits"),
		sent = sum(health, "segments_out");
	const range = place.value.last === "all" ? 0 : seconds;
	return (
		<dl class="tiles">
			<Tile
				name="Throughput"
				link={href(elsewhere("explore"))}
				value={
					!total ? "…" : range ? bitRate((total.octets * 8) / range) : bytes(total.octets)
				}
				title={total ? `${exact(total.octets)} bytes` : undefined}
			/>
			<Tile
				name="Packets"
				value={total ? count(total.packets) : "…"}
				title={total ? exact(total.packets) : undefined}
			/>
			<Tile
				name="Flow records"
				value={total ? count(total.flows) : "…"}
				title={total ? exact(total.flows) : undefined}
			/>
			<Tile
				name="Active flows"
				value={active.data ? count(active.data.matched) : "–"}
				title={active.data ? `${exact(active.data.matched)} in the last 15 s` : undefined}
			/>
			<Tile
				name="Connect p50 / p99"
				link={href(elsewhere("tcp"))}
				value={`${latency(quantile(connect, 0.5))} / ${latency(quantile(connect, 0.99))}`}
				title={`${Math.round(quantile(connect, 0.99) ?? 0)} ns`}
			/>
			<Tile
				name="RTT p50 / p99"
				link={href(elsewhere("tcp"))}
				value={`${latency(quantile(rtt, 0.5))} / ${latency(quantile(rtt, 0.99))}`}
				title={`${Math.round(quantile(rtt, 0.99) ?? 0)} ns`}
			/>
			<Tile
				name="Retransmits"
				link={href(elsewhere("tcp"))}
				value={percent(resent, sent)}
				title={`${exact(resent)} of ${exact(sent)} segments`}
			/>
			<Tile
				name="Failed connects"
				link={href(elsewhere("tcp"))}
				value={exact(sum(health, "failed"))}
			/>
			<Tile
				name="Drops"
				link={href(elsewhere("drops"))}
				value={drops.data ? exact(drops.data.packets) : "…"}
			/>
			<LedgerTile ledger={ledger.data} />
		</dl>
	);
}

function Throughput({ series, by, step }: { series: Answer<Series>; by: string; step: number }) {
	const lines = useMemo(
		() => linesOf(series.data, "octets", (n) => (n * 8) / step, by, true),
		[series.data, step],
	);
	const times = useMemo(() => timesOf(series.data), [series.data]);
	const aside = (
		<label>
			by{" "}
			<select
				value={by}
				onChange={(e) => go(changed({ stack: e.currentTarget.value }), true)}
			>
				{KEYS.map((k) => (
					<option>{k}</option>
				))}
			</select>
		</label>
	);
	return (
		<Panel title="Throughput" of={series} wide aside={aside}>
			<Chart
				title={`Throughput by ${by}`}
				times={times}
				lines={lines}
				format={bitRate}
				height={240}
			/>
		</Panel>
	);
}

/* What went in and out: of routers' and forwarded flows the same packet may be both. */
function InOut({ series, step }: { series: Answer<Series>; step: number }) {
	const { lines, times } = useMemo(
		() => ({
			lines: linesOf(
				series.data,
				"octets",
				(n) => (n * 8) / step,
				"direction",
				true,
				(label) => (label === "ingress" ? "down" : "up"),
			),
			times: timesOf(series.data),
		}),
		[series.data, step],
	);
	return (
		<Panel title="Out (up) and in (down)" of={series}>
			<Chart title="Throughput out and in" times={times} lines={lines} format={bitRate} />
		</Panel>
	);
}

function Counts({ series, step }: { series: Answer<Series>; step: number }) {
	const { lines, times } = useMemo(() => {
		const at = timesOf(series.data);
		const line = (what: "packets" | "flows", label: string, colour: string) => {
			const sums = new Map<number, number>();
			for (const row of series.data?.rows ?? [])
				sums.set(row.at_us / 1e6, (sums.get(row.at_us / 1e6) ?? 0) + row[what]);
			return { label, colour, values: at.map((t) => (sums.get(t) ?? 0) / step) };
		};
		return {
			times: at,
			lines: [
				line("packets", "packets/s", "#3b7dd8"),
				line("flows", "flow records/s", "#d97706"),
			],
		};
	}, [series.data, step]);
	return (
		<Panel title="Packets and flows" of={series}>
			<Chart
				title="Packets and flow records a second"
				times={times}
				lines={lines}
				format={count}
			/>
		</Panel>
	);
}

/* The lines of the graph above, added up. */
function Largest({ series, by }: { series: Answer<Series>; by: string }) {
	const rows = useMemo(() => sumsOf(series.data, by), [series.data, by]);
	return (
		<Panel title={`Top by ${by}`} of={series}>
			<Table
				label="Largest"
				rows={rows}
				columns={[
					{
						name: "label",
						label: by,
						cell: (r) =>
							r.filter ? (
								<a
									onClick={follow}
									href={href(elsewhere("explore", { filter: r.filter }))}
								>
									{r.label}
								</a>
							) : (
								r.label
							),
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
	);
}

function Latencies({ of }: { of: Answer<{ rows: LatencyRow[] }> }) {
	const { times, lines } = useMemo(() => {
		const rows = of.data?.rows ?? [];
		const connect = byTime(rows, "connect"),
			rtt = byTime(rows, "rtt");
		const at = [...new Set([...connect.keys(), ...rtt.keys()])].sort((a, b) => a - b);
		const line = (label: string, h: typeof connect, q: number, colour: string) => ({
			label,
			colour,
			values: at.map((t) => (h.has(t) ? quantile(h.get(t) as Map<number, number>, q) : null)),
		});
		return {
			times: at.map((t) => t / 1e6),
			lines: [
				line("connect p50", connect, 0.5, "#3b7dd8"),
				line("connect p99", connect, 0.99, "#93b8ec"),
				line("RTT p50", rtt, 0.5, "#d97706"),
				line("RTT p99", rtt, 0.99, "#f0b566"),
			],
		};
	}, [of.data]);
	return (
		<Panel title="Latency" of={of}>
			<Chart
				title="Connect latency and round trips"
				times={times}
				lines={lines}
				format={latency}
			/>
		</Panel>
	);
}

export function Overview() {
	const args: Args = { ...rangeArgs.value, filter: place.value.filter };
	const by = KEYS.includes(place.value.stack) ? place.value.stack : "conversation";
	const step = stepFor(rangeSeconds.value);
	const plain = rangeArgs.value; /* what has no words for flows' filters is not filtered */
	const series = useApi<Series>("/v1/series", { ...args, by, n: 8, ...stepArgs(step) });
	const ways = useApi<Series>("/v1/series", {
		...args,
		by: "direction",
		n: 2,
		...stepArgs(step),
	});
	/* of a time that is over none is active */
	const active = useApi<Flows>(
		everySeconds.value && place.value.last !== "all" ? "/v1/flows" : null,
		{
			last: "15s",
			aggregate: 1,
			limit: 1,
			filter: place.value.filter,
		},
	);
	const tcp = useApi<{ rows: TcpRow[] }>("/v1/tcp", { ...plain, by: "host,role", n: 1000 });
	const latencies = useApi<{ rows: LatencyRow[] }>("/v1/latencies", {
		...plain,
		by: "host",
		n: 100,
		step: Math.max(step, 10),
	});
	const drops = useApi<Drops>("/v1/drops", { ...plain, by: "reason", n: 10 });
	const ledger = useApi<Ledger>("/v1/ledger", plain);
	const status = useApi<Status>("/v1/status");
	const alerts = useApi<AlertRows>("/v1/alerts");

	if (status.data && !status.data.store.rows && !status.data.agents.length) return <Nothing />;
	return (
		<div class="grid">
			<Tiles {...{ ways, active, tcp, latencies, drops, ledger }} />
			<Alerts of={alerts} />
			<Attention
				status={status.data}
				ledger={ledger.data}
				tcp={tcp.data?.rows ?? []}
				drops={drops.data}
			/>
			<Throughput {...{ series, by, step }} />
			<InOut series={ways} step={step} />
			<Counts series={ways} step={step} />
			<Latencies of={latencies} />
			<Panel title="Drops by reason" of={drops}>
				<Table
					label="Drops by reason"
					rows={drops.data?.rows ?? []}
					empty="nothing was dropped"
					columns={[
						{
							name: "reason",
							label: "reason",
							cell: (r) => (
								<a
									onClick={follow}
									href={href(elsewhere("drops", { reason: String(r.reason) }))}
								>
									{r.reason}
								</a>
							),
						},
						{
							name: "packets",
							label: "packets",
							isNumber: true,
							cell: (r) => exact(r.packets),
						},
						{ name: "end", label: "last", cell: (r) => time(r.end_us).slice(11, 19) },
					]}
				/>
			</Panel>
			<Largest series={series} by={by} />
			<Hosts status={status} />
		</div>
	);
}
