// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What a view asks first: from its place alone, so that it can be asked before the view is drawn. */
import { type Args, apiUrl } from "./api";
import type { Place, View } from "./place";
import { rangeArgsOf } from "./range_args";

export const GROUPS = ["host", "subnet", "service", "process"];
export const LINKS = ["50", "100", "200", "500", "2000"];
export const KEYS = [
	"src",
	"dst",
	"conversation",
	"srcnet",
	"dstnet",
	"srcport",
	"dstport",
	"proto",
	"interface",
	"peer",
	"exporter",
	"direction",
	"ethertype",
	"vlan",
	"dscp",
	"flags",
	"tunnel",
	"srcas",
	"dstas",
	"process",
	"cgroup",
];
export const SIZES = ["25", "100", "1000", "10000"];
const GROUP_ORDERS = ["flows", "packets", "bytes", "bps"];
const RECORD_ORDERS = ["start", "duration", "packets", "bytes"];

const oneOf = (words: string[], word: string, otherwise: string) =>
	words.includes(word) ? word : otherwise;

const scopeOf = (at: Place): Args => ({ ...rangeArgsOf(at), filter: at.filter });

export interface TopologyQuestion {
	group: string;
	links: string;
	topology: string; /* the questions' addresses */
	tcp: string;
}

export function topologyQuestion(at: Place): TopologyQuestion {
	const group = oneOf(GROUPS, at.group, "host");
	const links = oneOf(LINKS, at.links, "100");
	return {
		group,
		links,
		topology: apiUrl("/v1/topology", { ...scopeOf(at), group, n: links }),
		tcp: apiUrl("/v1/tcp", {
			...rangeArgsOf(at),
			n: 10000,
			by: group === "service" ? "src,dst,dstport,role" : "src,dst,role",
		}),
	};
}

export interface ExploreQuestion {
	isRecords: boolean;
	by: string[]; /* of groups */
	order: string;
	size: number;
	path: string;
	args: Args;
	url: string; /* both together */
}

export function exploreQuestion(at: Place): ExploreQuestion {
	const isRecords = at.mode === "records";
	const keys = (at.by || "src").split(",").filter((k) => KEYS.includes(k));
	const by = keys.length ? keys : ["src"];
	const size = Number(oneOf(SIZES, at.size, "25"));
	const order = isRecords
		? oneOf(RECORD_ORDERS, at.order, "start")
		: oneOf(GROUP_ORDERS, at.order, "bytes");
	const path = isRecords ? "/v1/flows" : "/v1/top";
	const args = isRecords
		? { ...scopeOf(at), order, limit: size, offset: Number(at.offset ?? 0) || undefined }
		: { ...scopeOf(at), by: by.join(","), order, n: size };
	return { isRecords, by, order, size, path, args, url: apiUrl(path, args) };
}

/* The questions' addresses. */
export function firstQuestions(view: View, at: Place): string[] {
	if (view === "topology") {
		const { topology, tcp } = topologyQuestion(at);
		return [topology, tcp];
	}
	return view === "explore" ? [exploreQuestion(at).url] : [];
}
