// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Who talks to whom, and how well: a graph, streams or a matrix; a click opens a link. */
import { useMemo } from "preact/hooks";
import type { Link, TcpRow, Topology } from "./api";
import { EdgePanel } from "./edge_panel";
import { bytes, count, exact } from "./format";
import { type Edge, Graph } from "./graph";
import { GRADES, type Grade, gradeOf, gradeText, healthOf, linkKey } from "./health";
import { Panel } from "./notice";
import { changed, go, place } from "./place";
import { GROUPS, LINKS, topologyQuestion } from "./questions";
import { Matrix, Sankey } from "./sankey";
import { Table } from "./table";
import { useApi } from "./use_api";

const SHAPES = ["graph", "sankey", "matrix"];

/* Both directions as one edge. */
function edgesOf(links: Link[]): Edge[] {
	const edges = new Map<string, Edge>();
	for (const l of links) {
		const key = linkKey(l.source, l.target);
		const e = edges.get(key) ?? { a: l.source, b: l.target, octets: 0, packets: 0, flows: 0 };
		e.octets += l.octets;
		e.packets += l.packets;
		e.flows += l.flows;
		edges.set(key, e);
	}
	return [...edges.values()].sort((a, b) => b.octets - a.octets);
}

function Choice({
	name,
	label,
	of,
	value,
}: {
	name: string;
	label: string;
	of: string[];
	value: string;
}) {
	return (
		<label>
			{label}{" "}
			<select
				data-choice={name}
				value={value}
				onChange={(e) => go(changed({ [name]: e.currentTarget.value, chosen: "" }), true)}
			>
				{of.map((o) => (
					<option>{o}</option>
				))}
			</select>
		</label>
	);
}

function Legend() {
	return (
		<ul class="legend" aria-label="What colours say">
			{(Object.keys(GRADES) as Grade[]).map((g) => (
				<li>
					<svg width="26" height="8" aria-hidden="true">
						<line class={`edge ${g}`} x1="1" x2="25" y1="4" y2="4" stroke-width="4" />
					</svg>{" "}
					{GRADES[g]}
				</li>
			))}
		</ul>
	);
}

export function TopologyView() {
	const at = place.value;
	const shape = SHAPES.includes(at.shape) ? at.shape : "graph";
	const asked = topologyQuestion(at),
		group = asked.group;
	const answer = useApi<Topology>(asked.topology);
	const tcp = useApi<{ rows: TcpRow[] }>(asked.tcp);
	const links = answer.data?.links ?? [];
	const edges = useMemo(() => edgesOf(links), [answer.data]);
	const health = useMemo(
		() => healthOf(links, tcp.data?.rows ?? [], group),
		[answer.data, tcp.data, group],
	);
	const open = (e: Edge) => go(changed({ chosen: `${e.a}\n${e.b}` }));
	const chosen = at.chosen ?? "";
	const edge = edges.find(
		(e) => linkKey(e.a, e.b) === linkKey(...(chosen.split("\n") as [string, string])),
	);
	const controls = (
		<span class="controls">
			<Choice name="shape" label="as" of={SHAPES} value={shape} />
			<Choice name="group" label="by" of={GROUPS} value={group} />
			<Choice name="links" label="links" of={LINKS} value={asked.links} />
			<label>
				find{" "}
				<input
					type="search"
					value={at.find ?? ""}
					placeholder="part of a name"
					onInput={(e) => go(changed({ find: e.currentTarget.value }), true)}
				/>
			</label>
			{chosen && <button onClick={() => go(changed({ chosen: "" }))}>show all</button>}
		</span>
	);
	return (
		<div class="grid">
			<Panel title="Who talks to whom" of={answer} wide aside={controls}>
				<Legend />
				{shape === "graph" && (
					<Graph
						edges={edges}
						health={health}
						chosen={chosen}
						search={at.find ?? ""}
						onEdge={open}
						onNode={(id) => go(changed({ chosen: chosen === id ? "" : id }))}
					/>
				)}
				{shape === "sankey" && <Sankey links={links} health={health} onEdge={open} />}
				{shape === "matrix" && <Matrix links={links} health={health} onEdge={open} />}
				{answer.data && (
					<p class="muted">
						{exact(edges.length)} links between {exact(answer.data.nodes.length)};{" "}
						{answer.data.rest.links
							? `${exact(answer.data.rest.links)} lighter ones (${bytes(answer.data.rest.octets)}) are left out`
							: "that is all"}
						. Drag a node to pin it, double-click to let go.
					</p>
				)}
			</Panel>
			{edge && (
				<EdgePanel edge={edge} group={group} health={health.get(linkKey(edge.a, edge.b))} />
			)}
			<Panel title="Links" of={answer} wide>
				<Table
					label="Links"
					rows={
						chosen && !edge
							? edges.filter((e) => e.a === chosen || e.b === chosen)
							: edges
					}
					columns={[
						{
							name: "between",
							label: "between",
							cell: (e) => (
								<button class="link" onClick={() => open(e)}>
									{e.a} ⇄ {e.b}
								</button>
							),
						},
						{
							name: "octets",
							label: "bytes",
							isNumber: true,
							title: (e) => exact(e.octets),
							cell: (e) => bytes(e.octets),
						},
						{
							name: "packets",
							label: "packets",
							isNumber: true,
							cell: (e) => count(e.packets),
						},
						{
							name: "health",
							label: "health",
							cell: (e) => {
								const h = health.get(linkKey(e.a, e.b));
								return <span class={`grade ${gradeOf(h)}`}>{gradeText(h)}</span>;
							},
						},
					]}
				/>
			</Panel>
		</div>
	);
}
