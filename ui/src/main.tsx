// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The page: where we are, how long we look back, what is filtered, and the view. */
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { FilterBox } from "./filter_box";
import { beat, isConnected, startLive } from "./live";
import {
	changed,
	elsewhere,
	follow,
	go,
	href,
	leadingTo,
	place,
	type View,
	view,
	VIEWS,
} from "./place";
import { isFixed, last, LASTS } from "./range";
import { time } from "./format";
import { Overview } from "./overview";
import { TopologyView } from "./topology";
import { Explore } from "./explore";
import { Tcp } from "./tcp";
import { DropsView } from "./drops";
import { ConnectionView } from "./connection";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import "./figures.css";

const NAMES: Record<View, string> = {
	overview: "Overview",
	topology: "Topology",
	explore: "Explore",
	tcp: "TCP health",
	drops: "Drops",
	connection: "Connection",
};
const PARTS: Record<View, () => preact.JSX.Element> = {
	overview: Overview,
	topology: TopologyView,
	explore: Explore,
	tcp: Tcp,
	drops: DropsView,
	connection: ConnectionView,
};

function Navigation() {
	return (
		<nav aria-label="Views">
			<ul>
				{VIEWS.map((v, i) => (
					<li>
						<a
							href={href(elsewhere(v))}
							onClick={follow}
							{...leadingTo(() => elsewhere(v))}
							title={`key ${i + 1}`}
							aria-current={view.value === v ? "page" : undefined}
						>
							{NAMES[v]}
						</a>
					</li>
				))}
			</ul>
		</nav>
	);
}

function RangeBar() {
	const { from, to } = place.value;
	return (
		<div class="range">
			<label for="last">Time</label>
			<select
				id="last"
				value={isFixed.value ? "" : last.value}
				onChange={(e) =>
					go(changed({ last: e.currentTarget.value, from: "", to: "", offset: "" }))
				}
			>
				{isFixed.value && (
					<option value="">
						{time(Number(from)).slice(5, 19)} –{" "}
						{to ? time(Number(to)).slice(5, 19) : "now"}
					</option>
				)}
				{LASTS.map((l) => (
					<option value={l}>{l === "all" ? "all" : `last ${l}`}</option>
				))}
			</select>
		</div>
	);
}

/* The state of the connection, in words and not by colour alone. */
function Live() {
	return isConnected.value ? (
		<span class="live ok" role="status" title={time(beat.value?.now_us ?? 0)}>
			● live
		</span>
	) : (
		<span class="live bad" role="status">
			○ no connection to the collector
		</span>
	);
}

function keys(e: KeyboardEvent) {
	const at = e.target as HTMLElement;
	if (e.metaKey || e.ctrlKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName)) return;
	if (e.key === "/") {
		e.preventDefault();
		document.getElementById("filter")?.focus();
	} else if (VIEWS[Number(e.key) - 1]) go(elsewhere(VIEWS[Number(e.key) - 1]));
}

function Page() {
	const Part = PARTS[view.value];

	useEffect(() => {
		document.title = `${NAMES[view.value]} – wiretally`;
	}, [view.value]);
	return (
		<>
			<a class="skip" href="#main">
				to the content
			</a>
			<header class="top">
				<h1>
					<a href="/" onClick={follow}>
						wiretally
					</a>
				</h1>
				<Navigation />
				<Live />
			</header>
			<div class="asked">
				<RangeBar />
				<FilterBox />
			</div>
			<main id="main" tabIndex={-1} key={view.value}>
				<Part />
			</main>
		</>
	);
}

addEventListener("keydown", keys);
startLive();
render(<Page />, document.getElementById("app") as HTMLElement);
