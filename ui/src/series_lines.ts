// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The rows of /v1/series as lines of a graph. */
import type { Measures, Series, SeriesRow } from "./api";
import { COLOURS, type Line, OTHERS } from "./chart";

const MEASURES = ["line", "at_us", "octets", "packets", "flows"];

/* "10.0.0.1 ⇄ 10.0.0.2", "443", … */
function labelOf(row: SeriesRow, by: string): string {
	if (row.line === null) return by ? "others" : "all";
	if (by === "conversation") return row.src === null ? "not IP" : `${row.src} ⇄ ${row.dst}`;
	const keys = Object.keys(row).filter((k) => !MEASURES.includes(k));
	const named = keys.find((k) => k.endsWith("_name")) ?? keys[0];
	return String(row[named] ?? "none");
}

const allTimes = (series: Series | null) =>
	[...new Set((series?.rows ?? []).map((row) => row.at_us))].sort((a, b) => a - b);

const WAY_US = 15e6; /* from an agent's interval to the store */

/*
 * Steps that are not over yet are left out, where there are others: they would look like an end. So
 * are those without anything that agents may still have to tell of.
 */
function endOf(series: Series | null): number {
	const times = allTimes(series);
	let n = times.length;
	if (n < 3 || !series) return Infinity;
	const step = times[1] - times[0];
	const busy = series.rows.reduce((at, row) => (row.packets ? Math.max(at, row.at_us) : at), 0);
	while (
		n > 3 &&
		(times[n - 1] + step > series.to_us ||
			(times[n - 1] > busy && times[n - 1] > series.to_us - WAY_US))
	)
		n--;
	return n < times.length ? times[n] : Infinity;
}

/* In seconds. */
export const timesOf = (series: Series | null) => {
	const end = endOf(series);
	return allTimes(series)
		.filter((at) => at < end)
		.map((at) => at / 1e6);
};

export function linesOf(
	series: Series | null,
	what: "octets" | "packets" | "flows",
	scale: (n: number) => number,
	by: string,
	isStacked = false,
	side: (label: string) => "up" | "down" = () => "up",
): Line[] {
	const lines = new Map<number | null, Line>();
	const end = endOf(series);

	for (const row of series?.rows ?? []) {
		if (row.at_us >= end) continue;
		let line = lines.get(row.line);
		if (!line) {
			const label = labelOf(row, by);
			line = {
				label,
				values: [],
				stack: isStacked ? side(label) : undefined,
				colour: row.line === null && by ? OTHERS : (COLOURS[(row.line ?? 1) - 1] ?? OTHERS),
			};
			lines.set(row.line, line);
		}
		line.values.push(scale(row[what]));
	}
	return [...lines.values()];
}

/* What a line's rows have in common, as a filter; "": nothing that a filter could say. */
function filterOf(row: SeriesRow, by: string): string {
	if (row.line === null) return "";
	if (by === "conversation") return row.src === null ? "" : `ip ${row.src} and ip ${row.dst}`;
	const words: Record<string, string> = {
		src: "src ip",
		dst: "dst ip",
		dstport: "dst port",
		srcport: "src port",
		proto: "proto",
	};
	return words[by] && row[by] !== null ? `${words[by]} ${row[by]}` : "";
}

export interface LineSum extends Measures {
	label: string;
	filter: string;
}

export function sumsOf(series: Series | null, by: string): LineSum[] {
	const sums = new Map<number | null, LineSum>();

	for (const row of series?.rows ?? []) {
		const sum = sums.get(row.line) ?? {
			label: labelOf(row, by),
			filter: filterOf(row, by),
			octets: 0,
			packets: 0,
			flows: 0,
		};
		sum.octets += row.octets;
		sum.packets += row.packets;
		sum.flows += row.flows;
		sums.set(row.line, sum);
	}
	return [...sums.values()];
}

export function totalOf(series: Series): Measures {
	const total = { octets: 0, packets: 0, flows: 0 };

	for (const row of series.rows) {
		total.octets += row.octets;
		total.packets += row.packets;
		total.flows += row.flows;
	}
	return total;
}
