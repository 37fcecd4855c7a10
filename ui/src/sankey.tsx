// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Links as streams from who sends to who receives (d3-sankey), and as a matrix. */
import { sankey, sankeyLinkHorizontal } from "d3-sankey";
import { bytes } from "./format";
import type { Link } from "./api";
import type { Edge } from "./graph";
import { gradeOf, gradeText, type Health, linkKey } from "./health";

const WIDTH = 900,
	STREAMS = 40,
	CELLS = 24;

interface End {
	id: string;
	name: string;
}

/* Each node is there twice, as sender and as receiver: streams never run in circles. */
export function Sankey({
	links,
	health,
	onEdge,
}: {
	links: Link[];
	health: Map<string, Health>;
	onEdge: (e: Edge) => void;
}) {
	const shown = [...links].sort((a, b) => b.octets - a.octets).slice(0, STREAMS);
	if (!shown.length) return null;
	const ends = new Map<string, End>();
	for (const l of shown) {
		ends.set(`>${l.source}`, { id: `>${l.source}`, name: l.source });
		ends.set(`<${l.target}`, { id: `<${l.target}`, name: l.target });
	}
	const height = Math.max(240, ends.size * 14);
	const laid = sankey<End, { link: Link }>()
		.nodeId((n) => n.id)
		.nodeWidth(10)
		.nodePadding(6)
		.extent([
			[160, 4],
			[WIDTH - 160, height - 4],
		])({
		nodes: [...ends.values()],
		links: shown.map((link) => ({
			source: `>${link.source}`,
			target: `<${link.target}`,
			value: Math.max(1, link.octets),
			link,
		})),
	});
	const path = sankeyLinkHorizontal();
	return (
		<svg
			class="sankey"
			viewBox={`0 0 ${WIDTH} ${height}`}
			role="group"
			aria-label={`The ${shown.length} heaviest streams, from senders to receivers`}
		>
			{laid.links.map((l) => {
				const h = health.get(linkKey(l.link.source, l.link.target));
				const say = `${l.link.source} to ${l.link.target}: ${bytes(l.link.octets)}, ${gradeText(h)}`;
				const open = () =>
					onEdge({
						a: l.link.source,
						b: l.link.target,
						octets: l.link.octets,
						packets: l.link.packets,
						flows: l.link.flows,
					});
				return (
					<path
						class={`stream ${gradeOf(h)}`}
						d={path(l) ?? ""}
						tabIndex={0}
						role="button"
						stroke-width={Math.max(1, l.width ?? 1)}
						aria-label={say}
						onClick={open}
						onKeyDown={(e) => e.key === "Enter" && open()}
					>
						<title>{say}</title>
					</path>
				);
			})}
			{laid.nodes.map((n) => {
				const isLeft = n.id.startsWith(">");
				return (
					<g>
						<rect
							x={n.x0}
							y={n.y0}
							width={10}
							height={Math.max(1, (n.y1 ?? 0) - (n.y0 ?? 0))}
						/>
						<text
							x={(n.x0 ?? 0) + (isLeft ? -6 : 16)}
							dy="0.35em"
							text-anchor={isLeft ? "end" : "start"}
							y={((n.y0 ?? 0) + (n.y1 ?? 0)) / 2}
						>
							{n.name}
						</text>
					</g>
				);
			})}
		</svg>
	);
}

/* Rows send, columns receive. */
export function Matrix({
	links,
	health,
	onEdge,
}: {
	links: Link[];
	health: Map<string, Health>;
	onEdge: (e: Edge) => void;
}) {
	const total = new Map<string, number>(),
		cells = new Map<string, Link>();
	for (const l of links) {
		for (const id of [l.source, l.target]) total.set(id, (total.get(id) ?? 0) + l.octets);
		cells.set(`${l.source}\n${l.target}`, l);
	}
	const names = [...total]
		.sort((a, b) => b[1] - a[1])
		.slice(0, CELLS)
		.map(([n]) => n);
	const most = Math.max(...links.map((l) => l.octets), 1);
	return (
		<div class="scroll" tabIndex={0} role="region" aria-label="Matrix">
			<table class="matrix">
				<caption class="muted">
					rows send, columns receive; the {names.length} heaviest
				</caption>
				<thead>
					<tr>
						<th />
						{names.map((n) => (
							<th scope="col">
								<span>{n}</span>
							</th>
						))}
					</tr>
				</thead>
				<tbody>
					{names.map((from) => (
						<tr>
							<th scope="row">{from}</th>
							{names.map((to) => {
								const l = cells.get(`${from}\n${to}`);
								if (!l) return <td />;
								const h = health.get(linkKey(from, to));
								const shade =
									0.12 + 0.88 * (Math.log1p(l.octets) / Math.log1p(most));
								return (
									<td class={gradeOf(h)}>
										<button
											style={{ opacity: String(shade) }}
											title={`${from} to ${to}: ${bytes(l.octets)}, ${gradeText(h)}`}
											aria-label={`${from} to ${to}: ${bytes(l.octets)}`}
											onClick={() =>
												onEdge({
													a: from,
													b: to,
													octets: l.octets,
													packets: l.packets,
													flows: l.flows,
												})
											}
										/>
									</td>
								);
							})}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}
