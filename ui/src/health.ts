// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * How the ends of a link fare: what /v1/tcp says of source and destination, added up for whatever
 * the nodes are, and one word for it.
 */
import type { Link, TcpRow } from "./api";

export interface Health {
	connections: number;
	failed: number;
	resent: number;
	sent: number;
	connect_ns: number; /* the worst median of those added up; 0: none was measured */
	srtt_us: number;
}
export type Grade = "none" | "good" | "slow" | "lossy" | "failing";

export const GRADES: Record<Grade, string> = {
	none: "not known",
	good: "good",
	slow: "slow to connect",
	lossy: "retransmits",
	failing: "failed connects",
};

const SLOW_NS = 500e6;
const LOSSY = 0.01; /* of segments */
const LOSSY_MIN = 3;
const FAILING = 0.05; /* of connections */

export function gradeOf(h: Health | undefined): Grade {
	if (!h || !h.connections) return "none";
	if (h.failed > h.connections * FAILING) return "failing";
	if (h.resent >= LOSSY_MIN && h.resent > h.sent * LOSSY) return "lossy";
	if (h.connect_ns >= SLOW_NS) return "slow";
	return "good";
}

export function gradeText(h: Health | undefined): string {
	const grade = gradeOf(h);
	if (!h || grade === "none") return GRADES.none;
	return (
		`${GRADES[grade]}: ${h.resent} of ${h.sent} segments sent again, ` +
		`${h.failed} of ${h.connections} connects failed`
	);
}

/* "10.1.2.3" → "10.1.2.0/24"; "2001:db8::1" → "2001:db8:0:0::/64" as the collector writes it. */
function v4Net(address: string): string {
	return `${address.split(".").slice(0, 3).join(".")}.0/24`;
}

/* What a node is called to which an end belongs; null where names cannot be told from ends. */
function nodeOf(group: string, address: string, port: unknown, nodes: Set<string>): string | null {
	if (group === "host") return address;
	if (group === "subnet") return address.includes(":") ? v6Net(address, nodes) : v4Net(address);
	if (group === "service") {
		const name = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
		return nodes.has(name) ? name : address;
	}
	return null;
}

/* Among the networks there are, the one that begins like the address. */
function v6Net(address: string, nodes: Set<string>): string | null {
	const words = expand(address).slice(0, 4).join(":");
	for (const n of nodes)
		if (n.includes(":") && expand(n.split("/")[0]).slice(0, 4).join(":") === words) return n;
	return null;
}

function expand(address: string): string[] {
	const [head, tail] = address.split("::");
	const a = head ? head.split(":") : [],
		b = tail ? tail.split(":") : [];
	const zeros = address.includes("::")
		? Array(Math.max(0, 8 - a.length - b.length)).fill("0")
		: [];
	return [...a, ...zeros, ...b].map((w) => w.replace(/^0+(?=.)/, ""));
}

export const linkKey = (a: string, b: string) => (a < b ? `${a}\n${b}` : `${b}\n${a}`);

function add(to: Map<string, Health>, key: string, row: TcpRow) {
	const h = to.get(key) ?? {
		connections: 0,
		failed: 0,
		resent: 0,
		sent: 0,
		connect_ns: 0,
		srtt_us: 0,
	};
	h.connections += row.connections;
	h.failed += row.failed;
	h.resent += row.retransmits;
	h.sent += row.segments_out;
	h.connect_ns = Math.max(h.connect_ns, row.connect_p50_ns ?? 0);
	h.srtt_us = Math.max(h.srtt_us, row.srtt_p50_us ?? 0);
	to.set(key, h);
}

/* By the two ends of a link, whichever way it goes. */
export function healthOf(links: Link[], rows: TcpRow[], group: string): Map<string, Health> {
	const nodes = new Set(links.flatMap((l) => [l.source, l.target]));
	const health = new Map<string, Health>();

	for (const row of rows) {
		const a = nodeOf(group, String(row.src), null, nodes);
		const b = nodeOf(group, String(row.dst), row.dst_port, nodes);
		if (a && b) add(health, linkKey(a, b), row);
	}
	if (group !== "process") return health;
	/* "10.0.0.1 curl": the link's host part is what /v1/tcp knows */
	const hosts = healthOf(
		links.map((l) => ({
			...l,
			source: l.source.split(" ")[0],
			target: l.target.split(" ")[0],
		})),
		rows,
		"host",
	);
	for (const l of links) {
		const h = hosts.get(linkKey(l.source.split(" ")[0], l.target.split(" ")[0]));
		if (h) health.set(linkKey(l.source, l.target), h);
	}
	return health;
}
