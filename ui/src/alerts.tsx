// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What the collector finds wrong by its own rules: what fires, what may soon, what did. */
import type { Alert, Alerts as Answered } from "./api";
import { Panel } from "./notice";
import { elsewhere, follow, href, type View } from "./place";
import { ago, time } from "./format";
import type { Answer } from "./use_api";

/* Where more of it is to be seen. */
const VIEWS: Record<string, View> = {
	TcpRetransmitsHigh: "tcp",
	ConnectsFail: "tcp",
	TcpConnectSlow: "tcp",
	PacketsDropped: "drops",
	PacketsDroppedInStack: "drops",
	SynBurst: "explore",
};

function Line({ of }: { of: Alert }) {
	const view = VIEWS[of.alert];
	const title = of.advice ? `${of.alert}: ${of.advice}` : of.alert;
	const now = Date.now() * 1000;
	return (
		<li class={`alert ${of.state} ${of.severity}`} data-alert={of.alert}>
			{view ? (
				<a href={href(elsewhere(view))} onClick={follow} title={title}>
					{of.summary}
				</a>
			) : (
				<span title={title}>{of.summary}</span>
			)}{" "}
			<span class="muted" title={time(of.since_us)}>
				{of.state === "resolved"
					? `resolved ${ago(of.resolved_us ?? 0, now)}`
					: `${of.state === "pending" ? "seen" : of.severity} since ${time(of.since_us).slice(11, 19)}`}
			</span>
		</li>
	);
}

export function Alerts({ of }: { of: Answer<Answered> }) {
	const rows = of.data?.rows ?? [];
	const open = rows.filter((a) => a.state !== "resolved");
	const resolved = rows.filter((a) => a.state === "resolved");
	return (
		<Panel title="Alerts" of={of} wide>
			<div role="status">
				{open.length ? (
					<ul class="alerts" aria-label="Alerts that fire">
						{open.map((a) => (
							<Line key={a.alert + a.subject} of={a} />
						))}
					</ul>
				) : (
					<p class="muted">no alert fires</p>
				)}
			</div>
			{resolved.length > 0 && (
				<details>
					<summary>{resolved.length} resolved</summary>
					<ul class="alerts">
						{resolved.slice(0, 50).map((a) => (
							<Line key={a.alert + a.subject} of={a} />
						))}
					</ul>
				</details>
			)}
		</Panel>
	);
}
