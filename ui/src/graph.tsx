// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Nodes and links as a drawing that settles (d3-force), to be dragged, zoomed and pinned. Links are
 * as wide as they are heavy; health is told by colour, by dashes and by what they are called.
 */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import {
	forceCenter,
	forceCollide,
	forceLink,
	forceManyBody,
	forceSimulation,
	forceX,
	forceY,
	type Simulation,
	type SimulationLinkDatum,
	type SimulationNodeDatum,
} from "d3-force";
import { select } from "d3-selection";
import { zoom, zoomIdentity, type ZoomTransform } from "d3-zoom";
import { bytes } from "./format";
import { gradeOf, gradeText, type Health, linkKey } from "./health";

export interface Edge {
	a: string;
	b: string;
	octets: number;
	packets: number;
	flows: number;
}

interface Node extends SimulationNodeDatum {
	id: string;
	octets: number;
}
interface Line extends SimulationLinkDatum<Node> {
	edge: Edge;
}

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 900,
	HEIGHT = 560;
const NAMED = 40; /* nodes that have their name beside them without being asked for */
const MANY = 300; /* nodes: from there on they are drawn smaller */

export interface GraphProps {
	edges: Edge[];
	health: Map<string, Health>;
	chosen: string; /* a node's name, or two with a line end between */
	search: string;
	onNode: (id: string) => void;
	onEdge: (e: Edge) => void;
}

interface Drawing {
	simulation: Simulation<Node, Line>;
	nodes: Node[];
	lines: Line[];
	stop: () => void;
}

const places = new Map<string, { x: number; y: number; isPinned: boolean }>();

function build(edges: Edge[]): { nodes: Node[]; lines: Line[] } {
	const nodes = new Map<string, Node>();
	for (const e of edges)
		for (const id of [e.a, e.b]) {
			const at = places.get(id);
			const node = nodes.get(id) ?? {
				id,
				octets: 0,
				x: at?.x,
				y: at?.y,
				fx: at?.isPinned ? at.x : undefined,
				fy: at?.isPinned ? at.y : undefined,
			};
			node.octets += e.octets;
			nodes.set(id, node);
		}
	const lines = edges
		.filter((e) => e.a !== e.b)
		.map((edge) => ({ source: edge.a, target: edge.b, edge }));
	return { nodes: [...nodes.values()], lines };
}

/* Widths and sizes grow with the logarithm: the largest is not a thousand times the others. */
const scaled = (n: number, most: number, low: number, high: number) =>
	low + (high - low) * (Math.log1p(n) / Math.log1p(most || 1));

/* Everything in sight, until somebody zooms. */
function fit(nodes: Node[]): ZoomTransform {
	if (!nodes.length) return zoomIdentity;
	const xs = nodes.map((n) => n.x ?? 0),
		ys = nodes.map((n) => n.y ?? 0);
	const left = Math.min(...xs) - 60,
		right = Math.max(...xs) + 60;
	const above = Math.min(...ys) - 25,
		below = Math.max(...ys) + 15;
	const k = Math.min(1.6, WIDTH / (right - left), HEIGHT / (below - above));
	return zoomIdentity
		.translate(WIDTH / 2, HEIGHT / 2)
		.scale(k)
		.translate(-(left + right) / 2, -(above + below) / 2);
}

function draw(svg: SVGSVGElement, p: GraphProps, on: { current: GraphProps }): Drawing {
	const { nodes, lines } = build(p.edges);
	const most = Math.max(...p.edges.map((e) => e.octets), 1);
	const largest = Math.max(...nodes.map((n) => n.octets), 1);
	const named = new Set(
		[...nodes]
			.sort((a, b) => b.octets - a.octets)
			.slice(0, NAMED)
			.map((n) => n.id),
	);
	const all = select(svg),
		isMany = nodes.length > MANY;
	let isZoomed = false;
	all.selectAll("*").remove();
	const g = all.append("g");
	const drawn = g
		.append("g")
		.selectAll<SVGLineElement, Line>("line")
		.data(lines)
		.join("line")
		.attr("class", (l) => `edge ${gradeOf(p.health.get(linkKey(l.edge.a, l.edge.b)))}`)
		.attr("data-edge", (l) => `${l.edge.a} ${l.edge.b}`)
		.attr("stroke-width", (l) => scaled(l.edge.octets, most, isMany ? 0.5 : 1, isMany ? 4 : 9))
		.attr("tabindex", lines.length <= 200 ? 0 : null)
		.attr("role", "button")
		.attr("aria-label", (l) => edgeLabel(l.edge, p.health))
		.on("click", (_, l) => on.current.onEdge(l.edge))
		.on("keydown", (e: KeyboardEvent, l) => e.key === "Enter" && on.current.onEdge(l.edge));
	const dots = g
		.append("g")
		.selectAll<SVGGElement, Node>("g")
		.data(nodes)
		.join("g")
		.attr("class", (n) => (n.fx === undefined || n.fx === null ? "node" : "node pinned"))
		.attr("data-node", (n) => n.id)
		.on("click", (e: MouseEvent, n) => e.defaultPrevented || on.current.onNode(n.id));
	dots.append("circle").attr("r", (n) =>
		scaled(n.octets, largest, isMany ? 2 : 3, isMany ? 7 : 13),
	);
	dots.append("text")
		.attr("dy", -8)
		.text((n) => n.id)
		.classed("unasked", (n) => nodes.length >= 80 && !named.has(n.id));
	all.classed("many", isMany);
	/* what is pointed at says what it is; thousands of such texts would take longer than the drawing */
	drawn.on("pointerenter", function (_, l) {
		explain(this, edgeLabel(l.edge, on.current.health));
	});
	dots.on("pointerenter", function (_, n) {
		explain(this, `${n.id}: ${bytes(n.octets)}`);
	});
	const simulation = forceSimulation<Node>(nodes)
		.force(
			"link",
			forceLink<Node, Line>(lines)
				.id((n) => n.id)
				.distance(70)
				.strength(0.3),
		)
		.force(
			"charge",
			forceManyBody()
				.strength(isMany ? -30 : -160)
				.theta(1.1),
		)
		.force("x", forceX(WIDTH / 2).strength(0.06))
		.force("y", forceY(HEIGHT / 2).strength(0.09))
		.force("centre", forceCenter(WIDTH / 2, HEIGHT / 2))
		.force("collide", forceCollide(isMany ? 5 : 14))
		.on("tick", () => {
			drawn
				.attr("x1", (l) => (l.source as Node).x ?? 0)
				.attr("y1", (l) => (l.source as Node).y ?? 0)
				.attr("x2", (l) => (l.target as Node).x ?? 0)
				.attr("y2", (l) => (l.target as Node).y ?? 0);
			dots.attr("transform", (n) => `translate(${n.x},${n.y})`);
			for (const n of nodes)
				places.set(n.id, {
					x: n.x ?? 0,
					y: n.y ?? 0,
					isPinned: n.fx !== undefined && n.fx !== null,
				});
			if (!isZoomed) g.attr("transform", String(fit(nodes)));
		});
	if (nodes.every((n) => places.has(n.id))) simulation.alpha(0.05);
	dragging(svg, dots.nodes(), nodes, simulation);
	const zoomed = zoom<SVGSVGElement, unknown>()
		.scaleExtent([0.2, 8])
		.filter(
			(e) => !(e.target as Element).closest(".node") && (!e.ctrlKey || e.type === "wheel"),
		)
		.on("start", (e: { sourceEvent: Event | null }) => {
			if (!e.sourceEvent || isZoomed) return;
			isZoomed = true;
			all.property("__zoom", fit(nodes)); /* goes on from what is seen */
		})
		.on(
			"zoom",
			(e: { transform: ZoomTransform; sourceEvent: Event | null }) =>
				e.sourceEvent && g.attr("transform", String(e.transform)),
		);
	all.call(zoomed);
	return { simulation, nodes, lines, stop: () => simulation.stop() };
}

function explain(element: SVGElement, text: string) {
	const title = element.querySelector("title") ?? document.createElementNS(SVG, "title");
	title.textContent = text;
	if (!title.isConnected) element.prepend(title);
}

export function edgeLabel(e: Edge, health: Map<string, Health>): string {
	return `${e.a} and ${e.b}: ${bytes(e.octets)}, ${gradeText(health.get(linkKey(e.a, e.b)))}`;
}

/* Dragged nodes stay where they are put; a double click lets go of them. */
function dragging(
	svg: SVGSVGElement,
	dots: SVGGElement[],
	nodes: Node[],
	simulation: Simulation<Node, Line>,
) {
	dots.forEach((dot, i) => {
		const node = nodes[i];
		const move = (e: PointerEvent) => {
			/* none: it was drawn anew while it was dragged */
			const m = (dot.parentNode as SVGGElement | null)?.getScreenCTM();
			if (!m) return;
			const at = new DOMPoint(e.clientX, e.clientY).matrixTransform(m.inverse());
			node.fx = at.x;
			node.fy = at.y;
			dot.classList.add("pinned");
			simulation.alphaTarget(0.2).restart();
		};
		dot.addEventListener("pointerdown", (e) => {
			const end = () => {
				svg.removeEventListener("pointermove", move);
				simulation.alphaTarget(0);
			};
			e.stopPropagation();
			svg.addEventListener("pointermove", move);
			addEventListener("pointerup", end, { once: true });
		});
		dot.addEventListener("dblclick", (e) => {
			e.stopPropagation();
			node.fx = node.fy = null;
			dot.classList.remove("pinned");
			simulation.alpha(0.3).restart();
		});
	});
}

/* Who is not chosen, next to it or searched for stands back. */
function highlight(svg: SVGSVGElement, p: GraphProps) {
	const chosen = p.chosen.split("\n");
	const near = new Set<string>(chosen);
	const all = !p.chosen && !p.search;
	const isFound = (id: string) => p.search !== "" && id.includes(p.search);

	for (const e of p.edges)
		if (chosen.length === 1 && (e.a === chosen[0] || e.b === chosen[0])) near.add(e.a).add(e.b);
	select(svg)
		.selectAll<SVGLineElement, Line>("line")
		.classed(
			"back",
			(l) =>
				!all &&
				!(
					isFound(l.edge.a) ||
					isFound(l.edge.b) ||
					(chosen.length === 2
						? linkKey(l.edge.a, l.edge.b) === linkKey(chosen[0], chosen[1])
						: l.edge.a === chosen[0] || l.edge.b === chosen[0])
				),
		);
	select(svg)
		.selectAll<SVGGElement, Node>(".node")
		.classed("back", (n) => !all && !near.has(n.id) && !isFound(n.id))
		.classed("chosen", (n) => p.chosen !== "" && chosen.includes(n.id))
		.classed("found", (n) => isFound(n.id))
		.classed("near", (n) => p.chosen !== "" && near.has(n.id));
}

export function Graph(p: GraphProps) {
	const svg = useRef<SVGSVGElement>(null);
	const on = useRef(p);
	on.current = p;

	useLayoutEffect(() => {
		const drawing = draw(svg.current as SVGSVGElement, p, on);
		highlight(svg.current as SVGSVGElement, p);
		return drawing.stop;
	}, [p.edges, p.health]);
	useEffect(() => highlight(svg.current as SVGSVGElement, p), [p.chosen, p.search]);
	return (
		<svg
			ref={svg}
			class="graph"
			viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
			role="group"
			aria-label="Who talks to whom; the same is in the table below"
		/>
	);
}
