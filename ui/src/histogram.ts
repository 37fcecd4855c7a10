// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Histograms of latencies, whose buckets are powers of two of a nanosecond (/v1/latencies). */
import type { Bucket, LatencyRow } from "./api";

export type Histogram = Map<number, number>; /* upper end in ns → samples */

const BEYOND = 2 ** 41; /* what has no upper end */

export function add(to: Histogram, buckets: Bucket[]) {
	for (const b of buckets) {
		const le = b.le_ns ?? BEYOND;
		to.set(le, (to.get(le) ?? 0) + b.count);
	}
}

export const samples = (h: Histogram) => [...h.values()].reduce((a, b) => a + b, 0);

/* As the collector does it: the bucket that holds the sample, interpolated. Null: no sample. */
export function quantile(h: Histogram, q: number): number | null {
	const total = samples(h);
	if (!total) return null;
	let left = q * total;
	for (const [le, n] of [...h].sort((a, b) => a[0] - b[0])) {
		if (left <= n) {
			const from = le <= 1024 ? 0 : le / 2;
			return le === BEYOND ? 2 ** 40 : from + (le - from) * (left / n);
		}
		left -= n;
	}
	return null;
}

/* Rows with a time, added up over whatever they are grouped by. */
export function byTime(rows: LatencyRow[], kind: string): Map<number, Histogram> {
	const times = new Map<number, Histogram>();
	for (const row of rows) {
		if (row.kind !== kind || row.at_us === undefined) continue;
		let h = times.get(row.at_us);
		if (!h) times.set(row.at_us, (h = new Map()));
		add(h, row.buckets);
	}
	return times;
}

export function merged(rows: LatencyRow[], kind: string): Histogram {
	const h: Histogram = new Map();
	for (const row of rows) if (row.kind === kind) add(h, row.buckets);
	return h;
}
