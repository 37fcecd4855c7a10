// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Latencies over time as a heat map: a column for each step, a row for each bucket in use. */
import { exact, latency, time } from "./format";
import type { Histogram } from "./histogram";

const CELL_W_MIN = 12,
	CELL_W_MAX = 70,
	WIDTH = 900,
	CELL_H = 14,
	LEFT = 64,
	BOTTOM = 18;

export function Heat({ title, of }: { title: string; of: Map<number, Histogram> }) {
	const times = [...of.keys()].sort((a, b) => a - b);
	const ends = [...new Set([...of.values()].flatMap((h) => [...h.keys()]))].sort((a, b) => b - a);
	if (!times.length) return <p class="muted">nothing was measured in this time</p>;
	const most = Math.max(...[...of.values()].flatMap((h) => [...h.values()]));
	const cell = Math.max(CELL_W_MIN, Math.min(CELL_W_MAX, Math.floor(WIDTH / times.length)));
	const width = LEFT + times.length * cell,
		height = ends.length * CELL_H + BOTTOM;
	const every = Math.ceil(times.length / 6);
	return (
		<div class="scroll" tabIndex={0} role="region" aria-label={title}>
			<svg
				class="heat"
				width={width}
				height={height}
				role="img"
				aria-label={`${title}: ${latency(ends[ends.length - 1])} to ${latency(ends[0])}`}
			>
				{ends.map((le, y) => (
					<text x={LEFT - 6} y={y * CELL_H + CELL_H - 3} text-anchor="end">
						≤ {latency(le)}
					</text>
				))}
				{times.map(
					(t, x) =>
						x % every === 0 && (
							<text x={LEFT + x * cell} y={height - 4}>
								{time(t).slice(11, 19)}
							</text>
						),
				)}
				{times.map((t, x) =>
					[...(of.get(t) as Histogram)].map(([le, n]) => (
						<rect
							x={LEFT + x * cell}
							y={ends.indexOf(le) * CELL_H}
							width={cell - 1}
							height={CELL_H - 1}
							opacity={0.15 + 0.85 * (Math.log1p(n) / Math.log1p(most))}
						>
							<title>{`${time(t).slice(11, 19)}, up to ${latency(le)}: ${exact(n)}`}</title>
						</rect>
					)),
				)}
			</svg>
		</div>
	);
}
