// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Any question about flows: filtered, grouped, sorted, paged; over time; to be taken elsewhere. */
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import {
	type Args,
	apiUrl,
	type Flow,
	type Flows,
	type Series,
	type Top,
	type TopRow,
} from "./api";
import { Chart } from "./chart";
import { bitRate, bytes, count, endpoint, exact, latency, percent, quoted, time } from "./format";
import { Panel } from "./notice";
import { changed, elsewhere, follow, go, href, leadingTo, place } from "./place";
import { rangeArgs, rangeSeconds, stepArgs, stepFor } from "./range";
import { exploreQuestion, type ExploreQuestion, KEYS, SIZES } from "./questions";
import { linesOf, timesOf } from "./series_lines";
import { type Column, Table } from "./table";
import { type Answer, useApi } from "./use_api";

const LINES = [
	"src",
	"dst",
	"srcport",
	"dstport",
	"proto",
	"direction",
	"ethertype",
	"vlan",
	"dscp",
	"conversation",
];
const MEASURES = ["flows", "packets", "octets", "l3_octets", "first_us", "last_us", "sampled"];

const share = (part: number, whole: number) => (whole ? percent(part, whole) : "–");

/* The same question on a command line. */
export function commandOf(isRecords: boolean, args: Args): string {
	const words = ["wiretally", isRecords ? "flows" : "top"];
	const option = (name: string, value: unknown) =>
		value && words.push(`--${name}`, quoted(String(value)));
	if (!isRecords) option("by", args.by);
	option("order", args.order);
	option("number", isRecords ? args.limit : args.n);
	if (isRecords) option("offset", args.offset);
	option("last", args.last);
	option("from", args.from && new Date(Number(args.from) / 1000).toISOString());
	option("to", args.to && new Date(Number(args.to) / 1000).toISOString());
	if (args.filter) words.push(quoted(String(args.filter)));
	return words.join(" ");
}

function Take({ path, args, isRecords }: { path: string; args: Args; isRecords: boolean }) {
	const said = useSignal("");
	const copy = async (text: string, what: string) => {
		try {
			await navigator.clipboard.writeText(text);
			said.value = `${what} copied`;
		} catch {
			said.value = text; /* no clipboard to be had: here it is */
		}
	};
	return (
		<span class="controls">
			<a href={apiUrl(path, { ...args, format: "csv" })} download="wiretally.csv">
				CSV
			</a>
			<a href={apiUrl(path, args)} download="wiretally.json">
				JSON
			</a>
			<button onClick={() => copy(commandOf(isRecords, args), "the command")}>
				copy as CLI
			</button>
			<button onClick={() => copy(location.href, "the address")}>copy link</button>
			<span role="status" class="muted">
				{said.value}
			</span>
		</span>
	);
}

const sorted = (name: string) => changed({ order: name, offset: "" });
const sortBy = (name: string) => go(sorted(name));
const nearSort = (name: string) => leadingTo(() => sorted(name));

/* A key's value leads to what is behind it. */
function narrowed(row: TopRow, by: string): string | null {
	const v = (name: string) => row[name];
	const words: Record<string, () => string | null> = {
		src: () => v("src") && `src ip ${v("src")}`,
		dst: () => v("dst") && `dst ip ${v("dst")}`,
		conversation: () => v("src") && `ip ${v("src")} and ip ${v("dst")}`,
		srcport: () => (v("srcport") !== null ? `src port ${v("srcport")}` : null),
		dstport: () => (v("dstport") !== null ? `dst port ${v("dstport")}` : null),
		proto: () => (v("proto") !== null ? `proto ${v("proto")}` : null),
		direction: () => v("direction") as string,
		process: () => v("process") && `process '${String(v("process")).replaceAll("'", "")}'`,
		interface: () => v("interface") && `if '${v("interface")}'`,
	} as Record<string, () => string | null>;
	const parts = by
		.split(",")
		.map((k) => words[k]?.() ?? null)
		.filter(Boolean);
	if (!parts.length) return null;
	return (place.value.filter ? [`(${place.value.filter})`, ...parts] : parts).join(" and ");
}

function groupColumns(top: Top | null, by: string): Column<TopRow>[] {
	const first = top?.rows[0];
	const keys = first ? Object.keys(first).filter((k) => !MEASURES.includes(k)) : [];
	const total = top?.total;
	return [
		...keys.map((name, i): Column<TopRow> => ({
			name,
			label: name.replaceAll("_", " "),
			cell: (r) => {
				const text = r[name] === null ? "–" : String(r[name]);
				const to = i === 0 ? narrowed(r, by) : null;
				return to ? (
					<a
						onClick={follow}
						href={href(elsewhere("explore", { filter: to, mode: "records" }))}
					>
						{text}
					</a>
				) : (
					text
				);
			},
		})),
		{
			name: "flows",
			label: "flow records",
			isNumber: true,
			canSort: true,
			cell: (r) => exact(r.flows),
		},
		{
			name: "packets",
			label: "packets",
			isNumber: true,
			canSort: true,
			cell: (r) => exact(r.packets),
		},
		{
			name: "bytes",
			label: "bytes",
			isNumber: true,
			canSort: true,
			title: (r) => exact(r.octets),
			cell: (r) => bytes(r.octets),
		},
		{
			name: "share",
			label: "share",
			isNumber: true,
			cell: (r) => share(r.octets, total?.octets ?? 0),
		},
		{
			name: "bps",
			label: "bit/s",
			isNumber: true,
			canSort: true,
			cell: (r) => bitRate(rate(r)),
		},
	];
}

const RECORD_COLUMNS: Column<Flow>[] = [
	{
		name: "start",
		label: "start",
		canSort: true,
		cell: (r) => time(Number(r.start_us)).slice(5),
	},
	{
		name: "duration",
		label: "ms",
		isNumber: true,
		canSort: true,
		cell: (r) => Number(r.duration_ms).toFixed(1),
	},
	{ name: "proto", label: "protocol", cell: (r) => r.proto_name },
	{ name: "src", label: "source", cell: (r) => endpoint(r.src, r.src_port) },
	{ name: "dst", label: "destination", cell: (r) => endpoint(r.dst, r.dst_port) },
	{
		name: "packets",
		label: "packets",
		isNumber: true,
		canSort: true,
		cell: (r) => exact(Number(r.packets)),
	},
	{
		name: "bytes",
		label: "bytes",
		isNumber: true,
		canSort: true,
		cell: (r) => exact(Number(r.octets)),
	},
	{ name: "flags", label: "flags", cell: (r) => r.tcp_flags },
	{
		name: "interface",
		label: "interface",
		cell: (r) => `${r.interface ?? ""} ${r.direction ?? ""}`,
	},
	{ name: "process", label: "process", cell: (r) => r.process ?? "–" },
	{
		name: "rtt",
		label: "RTT",
		isNumber: true,
		cell: (r) => latency(r.srtt_us ? Number(r.srtt_us) * 1000 : null),
	},
	{ name: "host", label: "host", cell: (r) => r.host || r.agent },
];

function Records({ question, flows }: { question: ExploreQuestion; flows: Answer<Flows> }) {
	const { order, size, args } = question;
	const offset = Number(args.offset ?? 0);
	const matched = flows.data?.matched ?? 0;
	const page = (to: number) => go(changed({ offset: to ? String(to) : "" }));
	return (
		<Panel title="Flow records" of={flows} wide aside={<Take {...question} />}>
			<Table
				label="Flow records"
				rows={flows.data?.rows ?? []}
				columns={RECORD_COLUMNS}
				sorted={order}
				onSort={sortBy}
				nearSort={nearSort}
				empty="no flow record matches"
			/>
			<p class="pages">
				<button disabled={!offset} onClick={() => page(0)}>
					first
				</button>
				<button disabled={!offset} onClick={() => page(Math.max(0, offset - size))}>
					before
				</button>
				<span data-matched={matched}>
					{matched
						? `${exact(offset + 1)} – ${exact(
								Math.min(matched, offset + size),
							)} of ${exact(matched)}`
						: ""}
				</span>
				<button disabled={offset + size >= matched} onClick={() => page(offset + size)}>
					next
				</button>
			</p>
		</Panel>
	);
}

const rate = (r: TopRow) => (r.octets * 8e6) / Math.max(1, Number(r.last_us) - Number(r.first_us));

function sortedBy(rows: TopRow[], order: string): TopRow[] {
	const of = (r: TopRow) =>
		order === "flows"
			? r.flows
			: order === "packets"
				? r.packets
				: order === "bps"
					? rate(r)
					: r.octets;
	return [...rows].sort((a, b) => of(b) - of(a));
}

function Groups({ question, top }: { question: ExploreQuestion; top: Answer<Top> }) {
	const { order } = question,
		by = question.by.join(",");
	const columns = useMemo(() => groupColumns(top.data, by), [top.data, by]);
	/* the rows at hand, at once; the answer may bring others */
	const rows = useMemo(() => sortedBy(top.data?.rows ?? [], order), [top.data, order]);
	const total = top.data?.total;
	return (
		<Panel
			title={`Flows by ${by.replaceAll(",", ", ")}`}
			of={top}
			wide
			aside={<Take {...question} />}
		>
			<Table
				label="Groups of flows"
				rows={rows}
				columns={columns}
				sorted={order}
				onSort={sortBy}
				nearSort={nearSort}
				empty="no flow record matches"
			/>
			{total && (
				<p
					class="muted"
					data-asked={top.url}
					data-total-octets={total.octets}
					data-total-packets={total.packets}
				>
					in all {exact(total.flows)} flow records, {exact(total.packets)} packets,{" "}
					{bytes(total.octets)}
					{top.data?.folded.packets
						? `, of it ${count(top.data.folded.packets)} packets folded`
						: ""}
					; read from {top.data?.tiers.join(", ")}
				</p>
			)}
		</Panel>
	);
}

function By({ by }: { by: string[] }) {
	const set = (keys: string[]) => go(changed({ by: keys.join(","), mode: "", offset: "" }));
	return (
		<>
			{by.map((key, i) => (
				<select
					aria-label={`group by, word ${i + 1}`}
					value={key}
					onChange={(e) =>
						set(
							by
								.map((k, at) => (at === i ? e.currentTarget.value : k))
								.filter(Boolean),
						)
					}
				>
					{by.length > 1 && <option value="">(no more)</option>}
					{KEYS.map((k) => (
						<option>{k}</option>
					))}
				</select>
			))}
			<select
				aria-label="group by one more"
				value=""
				onChange={(e) => e.currentTarget.value && set([...by, e.currentTarget.value])}
			>
				<option value="">and …</option>
				{KEYS.filter((k) => !by.includes(k)).map((k) => (
					<option>{k}</option>
				))}
			</select>
		</>
	);
}

export function Explore() {
	const at = place.value;
	const question = exploreQuestion(at),
		{ isRecords, by, size } = question;
	const step = stepFor(rangeSeconds.value);
	const line = by.find((k) => LINES.includes(k));
	const newest = useApi<Top | Flows>(question.url);
	/* of groups, when records are wanted, and the other way round: that is no answer */
	const answer = newest.url?.startsWith(question.path) ? newest : { ...newest, data: null };
	/* the rows first: a graph of the same time is looked at after them */
	const series = useApi<Series>(
		"/v1/series",
		{
			...rangeArgs.value,
			filter: at.filter,
			...stepArgs(step),
			by: isRecords ? "" : line,
			n: 5,
		},
		answer.url === question.url || answer.error !== null,
	);
	const lines = useMemo(
		() =>
			linesOf(
				series.data,
				"octets",
				(n) => (n * 8) / step,
				isRecords ? "" : (line ?? ""),
				true,
			),
		[series.data, step],
	);
	const times = useMemo(() => timesOf(series.data), [series.data]);
	return (
		<div class="grid">
			<section class="panel wide" aria-label="Question">
				<div class="controls">
					<label>
						show{" "}
						<select
							data-choice="mode"
							value={isRecords ? "records" : "groups"}
							onChange={(e) =>
								go(
									changed({
										order: "",
										offset: "",
										mode: e.currentTarget.value === "records" ? "records" : "",
									}),
								)
							}
						>
							<option value="groups">groups</option>
							<option value="records">records</option>
						</select>
					</label>
					{!isRecords && (
						<span>
							by <By by={by} />
						</span>
					)}
					<label>
						rows{" "}
						<select
							data-choice="size"
							value={String(size)}
							onChange={(e) =>
								go(changed({ size: e.currentTarget.value, offset: "" }))
							}
						>
							{SIZES.map((s) => (
								<option>{s}</option>
							))}
						</select>
					</label>
				</div>
			</section>
			<Panel title="Over time" of={series} wide>
				<Chart
					title="Throughput; drag to look at a time"
					times={times}
					lines={lines}
					format={bitRate}
					height={150}
				/>
			</Panel>
			{isRecords ? (
				<Records question={question} flows={answer as Answer<Flows>} />
			) : (
				<Groups question={question} top={answer as Answer<Top>} />
			)}
		</div>
	);
}
