// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Questions to the collector (docs/protocol.md): a path with arguments in, typed rows out. */

export interface Range {
	from_us: number;
	to_us: number;
}

export interface Measures {
	flows: number;
	packets: number;
	octets: number;
}

/* A row of /v1/top: its keys by name, and what they add up to. */
export interface TopRow extends Measures {
	[key: string]: string | number | boolean | null;
}
export interface Top extends Range {
	rows: TopRow[];
	total: Measures;
	folded: { packets: number; octets: number };
	sampled: boolean;
	tiers: string[];
}

export interface SeriesRow extends Measures {
	[key: string]: string | number | null;
	line: number | null;
	at_us: number;
}
export interface Series extends Range {
	rows: SeriesRow[];
	points: number;
	first_us: number;
}

export interface Flow {
	[key: string]: string | number | boolean | null;
}
export interface Flows extends Range {
	rows: Flow[];
	matched: number;
	offset: number;
	limit: number;
}

export interface Link extends Measures {
	source: string;
	target: string;
	weight: number;
}
export interface Topology extends Range {
	nodes: { id: string }[];
	links: Link[];
	rest: { links: number; octets: number };
	group: string;
}

export interface TcpRow {
	[key: string]: string | number | null;
	connections: number;
	established: number;
	failed: number;
	connect_p50_ns: number | null;
	connect_p95_ns: number | null;
	connect_max_ns: number | null;
	srtt_p50_us: number | null;
	srtt_p95_us: number | null;
	segments_out: number;
	retransmits: number;
	octets_acked: number;
	octets_received: number;
}

export interface Connection {
	[key: string]: string | number | null;
	id: string;
	host: string;
	role: string;
	local_address: string;
	local_port: number;
	remote_address: string;
	remote_port: number;
	state: string;
	end: string;
	error: string | null;
	start_us: number;
	end_us: number;
	last_us: number;
	connect_ns: number;
	accept_ns: number;
	octets_acked: number;
	octets_received: number;
	segments_out: number;
	retransmits: number;
	srtt_us: number;
	min_rtt_us: number;
	comm: string;
	pid: number;
	cgroup_path: string;
}
export interface Connections extends Range {
	rows: Connection[];
	matched: number;
}

export interface Bucket {
	le_ns: number | null;
	count: number;
}
export interface LatencyRow {
	[key: string]: unknown;
	kind: "connect" | "rtt";
	at_us?: number;
	count: number;
	buckets: Bucket[];
}

export interface DropRow {
	[key: string]: string | number | null;
	packets: number;
	octets: number;
	start_us: number;
	end_us: number;
}
export interface Drops extends Range {
	rows: DropRow[];
	packets: number;
	octets: number;
}

export interface HostCount {
	agent: string;
	host: string;
	netns: number;
	name: string;
	gauge: boolean;
	value: number;
	from_us: number;
	to_us: number;
}

export interface Count {
	packets: number;
	octets: number;
}
export interface LedgerStages {
	[stage: string]: Count | Record<string, Count>;
}
export interface LedgerRow extends LedgerStages {
	[stage: string]: any;
	host: string;
	interface: string;
	point: string;
	direction: any;
	lost: Record<string, Count>;
	unparsed: Record<string, Count>;
	agent_balance: Count;
	store_balance: Count;
}
export interface Ledger extends Range {
	balanced: boolean;
	expired_intervals: number;
	rows: LedgerRow[];
	stages: LedgerStages;
}

export interface Agent {
	agent: string;
	host: string;
	last_us: number;
	exporters: { exporter: string; missing_batches: number; first_us: number }[];
	interfaces: { name: string; ifindex: number; netns: number; hook: string; last_us: number }[];
}
export interface Alert {
	alert: string;
	state: "firing" | "pending" | "resolved";
	severity: "warning" | "critical";
	subject: string;
	summary: string;
	advice: string | null;
	value: number;
	worst: number;
	limit: number;
	since_us: number;
	resolved_us: number | null;
}
export interface Alerts {
	rows: Alert[];
	left_off: number;
}
export interface Status {
	version: string;
	now_us: number;
	started_us: number;
	store: {
		rows: number;
		first_us: number;
		last_us: number;
		bytes: number;
		damaged_files: number;
	};
	ingest: { rows: number; missing_batches: number; lag_bytes: number; commit_failures: number };
	agents: Agent[];
	sinks: { url: string; error: string; lag_us: number; lost: Record<string, number> }[];
}

export interface FilterWord {
	word: string;
	alone: boolean;
	sided: boolean;
	directed: boolean;
	values: string[];
}
export interface FilterAnswer {
	ok: boolean;
	error: { message: string; position: number } | null;
	words: FilterWord[];
}

export type Args = Record<string, string | number | null | undefined>;

export class ApiError extends Error {
	status: number;
	parameter: string | null;
	position: number | null;

	constructor(status: number, message: string, parameter?: string, position?: number) {
		super(message);
		this.status = status;
		this.parameter = parameter ?? null;
		this.position = position ?? null;
	}
}

/* The address of an answer; what is empty is left out. */
export function apiUrl(path: string, args: Args = {}): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(args))
		if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
	const text = query.toString();
	return text ? `${path}?${text}` : path;
}

async function refusal(answer: Response): Promise<ApiError> {
	try {
		const e = (await answer.json()).error;
		return new ApiError(answer.status, e.message, e.parameter, e.position);
	} catch {
		return new ApiError(answer.status, `the collector answered with status ${answer.status}`);
	}
}

/* Rejects with an ApiError; status 0: nobody answered. */
export async function ask<T>(url: string, signal?: AbortSignal): Promise<T> {
	let answer: Response;
	try {
		answer = await fetch(url, { signal, headers: { Accept: "application/json" } });
	} catch (e) {
		if (signal?.aborted) throw e;
		throw new ApiError(0, "the collector does not answer");
	}
	if (!answer.ok) throw await refusal(answer);
	return answer.json();
}
