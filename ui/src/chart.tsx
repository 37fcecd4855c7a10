// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Lines or stacked areas over time (uPlot), its legend, and the same as a table. Dragging over it
 * looks at that time alone.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { time } from "./format";
import { place, changed, go } from "./place";

export interface Line {
	label: string;
	values: (number | null)[];
	colour: string;
	stack?: "up" | "down"; /* added onto those before it of the same side */
}

interface Props {
	title: string;
	times: number[]; /* seconds since the epoch */
	lines: Line[];
	format: (n: number) => string;
	height?: number;
}

export const COLOURS = [
	"#3b7dd8",
	"#d97706",
	"#2f9e6e",
	"#a855c7",
	"#c2410c",
	"#0e9aa7",
	"#b45309",
	"#6366f1",
	"#be185d",
	"#65a30d",
];
export const OTHERS = "#8b949e";

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name);

/* Values as they are drawn: each stacked line upon the ones before. */
function stacked(lines: Line[]): (number | null)[][] {
	const tops: Record<string, number[]> = { up: [], down: [] };
	return lines.map((line) => {
		if (!line.stack) return line.values;
		const top = tops[line.stack],
			sign = line.stack === "up" ? 1 : -1;
		return line.values.map((v, i) => (top[i] = (top[i] ?? 0) + sign * (v ?? 0)));
	});
}

function seriesOf(line: Line, points: number): uPlot.Series {
	return {
		label: line.label,
		stroke: line.colour,
		width: line.stack ? 1 : 2,
		fill: line.stack ? `${line.colour}b0` : undefined,
		points: { show: points < 3 } /* a line of one point would be none */,
	};
}

/* Between a line and the one it stands on there is its area; the lowest stands on 0. */
function bandsOf(lines: Line[]): uPlot.Band[] {
	const bands: uPlot.Band[] = [];
	for (const side of ["up", "down"]) {
		const at = lines.flatMap((l, i) => (l.stack === side ? [i + 1] : []));
		for (let i = 1; i < at.length; i++)
			bands.push({ series: [at[i], at[i - 1]], dir: side === "up" ? -1 : 1 });
	}
	return bands;
}

function zoom(u: uPlot) {
	const { left, width } = u.select;
	if (width < 4) return;
	const from = Math.floor(u.posToVal(left, "x")),
		to = Math.ceil(u.posToVal(left + width, "x"));
	go(changed({ last: "", from: String(from * 1e6), to: String(to * 1e6), offset: "" }));
}

/* How much larger than usual letters are: on a wall. */
const scale = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
const LONE_S = 30;

function optionsOf(p: Props, width: number, height: number, hover: (i: number | null) => void) {
	const axis = {
		stroke: css("--muted"),
		grid: { stroke: css("--grid"), width: 1 },
		ticks: { show: false },
		font: `${Math.round(11 * scale())}px system-ui`,
	};
	return {
		width,
		height,
		series: [{}, ...p.lines.map((l) => seriesOf(l, p.times.length))],
		bands: bandsOf(p.lines),
		axes: [
			{ ...axis, space: 60 * scale() },
			{
				...axis,
				size: 74 * scale(),
				values: (_: uPlot, vs: number[]) => vs.map((v) => p.format(Math.abs(v))),
			},
		],
		scales: {
			x: {
				/* of one point alone a graph would show years */
				range: (_: uPlot, min: number, max: number): [number, number] =>
					p.times.length === 1 ? [min - LONE_S, min + LONE_S] : [min, max],
			},
			y: {
				range: (_: uPlot, min: number, max: number): [number, number] => [
					Math.min(0, min),
					Math.max(max, 1e-9) * 1.05,
				],
			},
		},
		cursor: { drag: { x: true, y: false, setScale: false }, y: false },
		legend: { show: false },
		hooks: { setSelect: [zoom], setCursor: [(u: uPlot) => hover(u.cursor.idx ?? null)] },
	} as uPlot.Options;
}

function Data({ times, lines, format }: Props) {
	return (
		<div class="scroll">
			<table>
				<thead>
					<tr>
						<th scope="col">time</th>
						{lines.map((l) => (
							<th scope="col" class="number">
								{l.label}
							</th>
						))}
					</tr>
				</thead>
				<tbody>
					{times.map((t, i) => (
						<tr>
							<td>{time(t * 1e6)}</td>
							{lines.map((l) => (
								<td class="number" data-value={l.values[i]}>
									{l.values[i] === null ? "–" : format(l.values[i] as number)}
								</td>
							))}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

export function Chart(p: Props) {
	const box = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot | null>(null);
	const drawn = useRef<uPlot.AlignedData | null>(null);
	const at = useSignal<number | null>(null);
	const isOpen = useSignal(false);
	const shape = [
		p.times.length < 3,
		...p.lines.map((l) => `${l.label}/${l.colour}/${l.stack}`),
	].join("\n");
	const data = [p.times, ...stacked(p.lines)] as uPlot.AlignedData;
	const height = (p.height ?? 190) * scale();

	useEffect(() => {
		const node = box.current as HTMLDivElement;
		const make = () => {
			plot.current?.destroy();
			plot.current = new uPlot(
				optionsOf(p, node.clientWidth, height, (i) => (at.value = i)),
				data,
				node,
			);
			drawn.current = data;
		};
		make();
		const sizes = new ResizeObserver(() => {
			const width = node.clientWidth; /* 0: it has been taken away */
			if (width && width !== plot.current?.width) plot.current?.setSize({ width, height });
		});
		const scheme = matchMedia("(prefers-color-scheme: dark)");
		sizes.observe(node);
		scheme.addEventListener("change", make);
		return () => {
			sizes.disconnect();
			scheme.removeEventListener("change", make);
			plot.current?.destroy();
			plot.current = null;
		};
	}, [shape, height]);
	useEffect(() => {
		if (drawn.current !== data) plot.current?.setData(data);
		drawn.current = data;
	}, [p.times, p.lines]);

	const shown = at.value !== null && at.value < p.times.length ? at.value : p.times.length - 1;
	return (
		<figure class="chart" aria-label={p.title}>
			<figcaption>
				{p.title}
				{shown >= 0 && (
					<span class="muted"> {time(p.times[shown] * 1e6).slice(11, 19)}</span>
				)}
			</figcaption>
			<div ref={box} class="plot" role="img" aria-label={`Graph: ${p.title}`} />
			<ul class="legend">
				{p.lines.map((l) => (
					<li>
						<span class="swatch" style={{ background: l.colour }} />
						<span class="name" title={l.label}>
							{l.label}
						</span>{" "}
						<b>
							{shown >= 0 && l.values[shown] !== null && l.values[shown] !== undefined
								? p.format(l.values[shown] as number)
								: "–"}
						</b>
					</li>
				))}
			</ul>
			<details onToggle={(e) => (isOpen.value = e.currentTarget.open)}>
				<summary>as a table</summary>
				{isOpen.value && <Data {...p} />}
			</details>
			{place.value.from && (
				<button class="link" onClick={() => go(changed({ from: "", to: "", last: "" }))}>
					back to the last hour
				</button>
			)}
		</figure>
	);
}
