// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The ledger in one number, what wants a look, the hosts, and what to do when there is nothing. */
import type { Count, Drops, Ledger, Status, TcpRow } from "./api";
import { ago, bytes, count, exact, percent } from "./format";
import { Panel } from "./notice";
import { Table } from "./table";
import { elsewhere, follow, href } from "./place";
import type { Answer } from "./use_api";

const SILENT_US = 60e6;

/* Packets of whole intervals that ended nowhere: the sum of all rows' balances, by size. */
export function unaccounted(ledger: Ledger): number {
	return ledger.rows.reduce(
		(all, row) =>
			all + Math.abs(row.agent_balance.packets) + Math.abs(row.store_balance.packets),
		0,
	);
}

function lostOf(ledger: Ledger): [string, number][] {
	const lost = (ledger.stages.lost ?? {}) as Record<string, Count>;
	return Object.entries(lost)
		.map(([why, c]): [string, number] => [why, c.packets])
		.filter(([, n]) => n);
}

/* The one honest number: what was seen and is neither stored nor named. */
export function LedgerTile({ ledger }: { ledger: Ledger | null }) {
	if (!ledger)
		return (
			<div class="tile">
				<dt>Ledger</dt>
				<dd>…</dd>
			</div>
		);
	const missing = unaccounted(ledger);
	const seen = ledger.rows
		.filter((row) => row.point === "packets")
		.reduce((all, row) => all + row.seen.packets, 0);
	const lost = lostOf(ledger).reduce((all, [, n]) => all + n, 0);
	return (
		<div class={missing ? "tile bad" : "tile good"}>
			<dt>Ledger: unaccounted</dt>
			<dd data-tile="Ledger" title={`${exact(seen)} seen, ${exact(lost)} lost by name`}>
				{exact(missing)} <small>of {count(seen)}</small>
			</dd>
		</div>
	);
}

interface Finding {
	what: string;
	to?: string;
}

function findings(
	status: Status | null,
	ledger: Ledger | null,
	tcp: TcpRow[],
	drops: Drops | null,
): Finding[] {
	const found: Finding[] = [];
	const add = (is: unknown, what: string, to?: string) => is && found.push({ what, to });
	const failed = tcp.reduce((all, r) => all + r.failed, 0);
	const opened = tcp.reduce((all, r) => all + r.connections, 0);
	const resent = tcp.reduce((all, r) => all + r.retransmits, 0);
	const sent = tcp.reduce((all, r) => all + r.segments_out, 0);

	for (const a of status?.agents ?? []) {
		const isFile = a.exporters.every((e) => e.exporter);
		add(
			!isFile && (status as Status).now_us - a.last_us > SILENT_US,
			`${a.host || a.agent} has not been heard of since ${ago(
				a.last_us,
				(status as Status).now_us,
			)}`,
		);
	}
	if (ledger) {
		add(!ledger.balanced, `the ledger does not add up: ${exact(unaccounted(ledger))} packets`);
		for (const [why, n] of lostOf(ledger)) add(true, `${exact(n)} packets were lost: ${why}`);
	}
	add(failed, `${exact(failed)} of ${exact(opened)} connections failed`, href(elsewhere("tcp")));
	add(
		resent > sent / 50 && resent > 10,
		`${percent(resent, sent)} of segments were sent again`,
		href(elsewhere("tcp")),
	);
	add(
		drops?.packets,
		`${exact(drops?.packets ?? 0)} packets were dropped by the kernel`,
		href(elsewhere("drops")),
	);
	add(
		status?.store.damaged_files,
		`${status?.store.damaged_files} files of the store are damaged`,
	);
	add(status?.ingest.commit_failures, `${status?.ingest.commit_failures} commits failed`);
	for (const s of status?.sinks ?? []) add(s.error, `sink ${s.url}: ${s.error}`);
	return found;
}

export function Attention(p: {
	status: Status | null;
	ledger: Ledger | null;
	tcp: TcpRow[];
	drops: Drops | null;
}) {
	const found = findings(p.status, p.ledger, p.tcp, p.drops);
	return (
		<section class="panel wide attention" aria-label="Worth a look">
			{found.length ? (
				<ul>
					{found.map((f) => (
						<li>
							{f.to ? (
								<a href={f.to} onClick={follow}>
									{f.what}
								</a>
							) : (
								f.what
							)}
						</li>
					))}
				</ul>
			) : (
				<p class="muted">nothing stands out</p>
			)}
		</section>
	);
}

export function Hosts({ status }: { status: Answer<Status> }) {
	const now = status.data?.now_us ?? 0;
	return (
		<Panel title="Hosts" of={status} wide>
			<Table
				label="Hosts"
				rows={status.data?.agents ?? []}
				columns={[
					{
						name: "host",
						label: "host",
						cell: (a) => (
							<a
								onClick={follow}
								href={href(
									elsewhere("explore", {
										filter: `exporter '${a.host || a.agent}'`,
									}),
								)}
							>
								{a.host || a.agent}
							</a>
						),
					},
					{ name: "seen", label: "heard of", cell: (a) => ago(a.last_us, now) },
					{
						name: "interfaces",
						label: "watched",
						cell: (a) =>
							a.interfaces
								.filter((i) => i.last_us >= a.last_us - SILENT_US)
								.map((i) => `${i.name} (${i.hook})`)
								.slice(0, 6)
								.join(", "),
					},
					{
						name: "missing",
						label: "missing batches",
						isNumber: true,
						cell: (a) =>
							exact(a.exporters.reduce((all, e) => all + e.missing_batches, 0)),
					},
				]}
			/>
			{status.data && (
				<p class="muted">
					{exact(status.data.store.rows)} records, {bytes(status.data.store.bytes)} on
					disk; wiretally {status.data.version}
				</p>
			)}
		</Panel>
	);
}

export function Nothing() {
	return (
		<section class="panel wide" aria-label="What to do next">
			<h2>Nothing has been stored yet</h2>
			<p>The collector runs, and nobody has sent it anything. Three ways to change that:</p>
			<dl>
				<dt>Watch this host</dt>
				<dd>
					<code>sudo wiretally-agent</code>
				</dd>
				<dt>Read a capture</dt>
				<dd>
					<code>wiretally import trace.pcap</code>
				</dd>
				<dt>Take flows of routers</dt>
				<dd>
					start the collector with <code>--exporters 0.0.0.0:2055</code> and send it
					NetFlow, IPFIX or sFlow
				</dd>
			</dl>
			<p class="muted">This page looks again by itself.</p>
		</section>
	);
}
