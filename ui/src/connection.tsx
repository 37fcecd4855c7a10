// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* One connection's life: what happened when, how it fared, and the flows that carried it. */
import type { Connection, Connections, Flow, Flows } from "./api";
import { bytes, duration, endpoint, exact, latency, time } from "./format";
import { Panel } from "./notice";
import { elsewhere, follow, href, place } from "./place";
import { rangeArgs } from "./range";
import { Table } from "./table";
import { useApi } from "./use_api";

const ENDS: Record<string, string> = {
	local_fin: "closed from here",
	open: "still open",
	remote_fin: "closed from there",
	rst_sent: "reset from here",
	rst_received: "reset from there",
	timeout: "timed out",
	failed: "never established",
};

interface Moment {
	us: number;
	what: string;
}

function momentsOf(c: Connection): Moment[] {
	const moments: Moment[] = [];
	const established = c.start_us && c.connect_ns ? c.start_us + c.connect_ns / 1000 : 0;
	if (c.start_us)
		moments.push({ us: c.start_us, what: c.role === "server" ? "SYN came" : "SYN sent" });
	if (established)
		moments.push({ us: established, what: `established after ${latency(c.connect_ns)}` });
	if (established && c.accept_ns)
		moments.push({
			us: established + c.accept_ns / 1000,
			what: `accepted after ${latency(c.accept_ns)}`,
		});
	if (c.end_us)
		moments.push({
			us: c.end_us,
			what: c.error ? `${ENDS[c.end] ?? c.end}: ${c.error}` : (ENDS[c.end] ?? c.end),
		});
	else moments.push({ us: c.last_us, what: "last heard of" });
	return moments;
}

/* Its moments as a line, and its flow records beside it as bars. */
function Timeline({ c, flows }: { c: Connection; flows: Flow[] }) {
	const moments = momentsOf(c);
	const from = Math.min(...moments.map((m) => m.us), ...flows.map((f) => Number(f.start_us)));
	const to = Math.max(
		...moments.map((m) => m.us),
		...flows.map((f) => Number(f.end_us)),
		from + 1,
	);
	const x = (us: number) => 20 + ((us - from) / (to - from)) * 860;
	const most = Math.max(1, ...flows.map((f) => Number(f.octets)));
	return (
		<figure>
			<svg
				class="life"
				viewBox="0 0 900 110"
				role="img"
				aria-label={moments.map((m) => `${time(m.us)} ${m.what}`).join("; ")}
			>
				<line x1="20" x2="880" y1="40" y2="40" />
				{moments.map((m) => (
					<circle cx={x(m.us)} cy="40" r="6">
						<title>{`${time(m.us)}: ${m.what}`}</title>
					</circle>
				))}
				{flows.map((f) => (
					<rect
						x={x(Number(f.start_us))}
						height="14"
						rx="2"
						y={f.direction === "ingress" ? 84 : 62}
						width={Math.max(2, x(Number(f.end_us)) - x(Number(f.start_us)))}
						opacity={0.3 + 0.7 * (Number(f.octets) / most)}
					>
						<title>
							{`${f.direction}: ${exact(Number(f.packets))} packets, ${bytes(Number(f.octets))}`}
						</title>
					</rect>
				))}
			</svg>
			<ol class="moments">
				{moments.map((m) => (
					<li>
						<time>{time(m.us)}</time> {m.what}
					</li>
				))}
			</ol>
		</figure>
	);
}

function Facts({ c }: { c: Connection }) {
	const facts: [string, string][] = [
		["state", c.end_us ? (ENDS[c.end] ?? c.end) : c.state],
		["duration", c.duration_us === null ? "–" : duration(Number(c.duration_us) / 1e6)],
		["process", c.comm ? `${c.comm} (${c.pid})` : "not known"],
		["cgroup", c.cgroup_path || "–"],
		["host", c.host],
		["RTT", latency(c.srtt_us * 1000)],
		["shortest RTT", latency(c.min_rtt_us * 1000)],
		["sent", bytes(c.octets_acked)],
		["received", bytes(c.octets_received)],
		["segments sent", exact(c.segments_out)],
		["sent again", exact(c.retransmits)],
		["of it after timeouts", exact(Number(c.retransmits_rto))],
		["of it SYNs", exact(Number(c.retransmits_syn) + Number(c.retransmits_synack))],
		["congestion window", exact(Number(c.cwnd))],
	];
	return (
		<dl class="facts">
			{facts.map(([name, value]) => (
				<div>
					<dt>{name}</dt>
					<dd data-fact={name}>{value}</dd>
				</div>
			))}
		</dl>
	);
}

export function ConnectionView() {
	const { id, filter } = place.value;
	const answer = useApi<Connections>(filter ? "/v1/connections" : null, {
		...rangeArgs.value,
		filter,
		limit: 1000,
	});
	const c = answer.data?.rows.find((row) => row.id === id) ?? null;
	const flows = useApi<Flows>(c ? "/v1/flows" : null, {
		filter,
		order: "start",
		limit: 1000,
		from: c ? (c.start_us || c.last_us) - 1e6 : "",
		to: c ? c.last_us + 6e6 : "",
	});
	const title = c
		? `${endpoint(c.local_address, c.local_port)} ${c.role === "server" ? "←" : "→"} ${endpoint(
				c.remote_address,
				c.remote_port,
			)}`
		: "Connection";
	return (
		<div class="grid">
			<Panel
				title={title}
				of={answer}
				wide
				aside={
					<a onClick={follow} href={href(elsewhere("tcp", { filter: "" }))}>
						all connections
					</a>
				}
			>
				{c ? (
					<>
						<Timeline c={c} flows={flows.data?.rows ?? []} />
						<Facts c={c} />
					</>
				) : (
					<p class="muted">no such connection is stored any more</p>
				)}
			</Panel>
			{c && (
				<Panel title="Its flow records" of={flows} wide>
					<Table
						label="Its flow records"
						rows={flows.data?.rows ?? []}
						columns={[
							{
								name: "start",
								label: "start",
								cell: (r) => (
									<a
										onClick={follow}
										href={href(
											elsewhere("explore", {
												filter: filter ?? "",
												mode: "records",
											}),
										)}
									>
										{time(Number(r.start_us)).slice(5)}
									</a>
								),
							},
							{
								name: "src",
								label: "source",
								cell: (r) => endpoint(r.src, r.src_port),
							},
							{
								name: "dst",
								label: "destination",
								cell: (r) => endpoint(r.dst, r.dst_port),
							},
							{
								name: "packets",
								label: "packets",
								isNumber: true,
								cell: (r) => exact(Number(r.packets)),
							},
							{
								name: "octets",
								label: "bytes",
								isNumber: true,
								cell: (r) => exact(Number(r.octets)),
							},
							{ name: "flags", label: "flags", cell: (r) => r.tcp_flags },
						]}
					/>
				</Panel>
			)}
		</div>
	);
}
