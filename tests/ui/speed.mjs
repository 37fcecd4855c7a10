// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* For bench/page.py: how long a load and clicks take, until what they ask for is shown. */
import { run, settled, url, visit } from "./browser.mjs";

const TIMES = 5;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const say = (what, ms) => console.log(JSON.stringify({ bench: "page", what, ms: Math.round(ms) }));

async function measure(what, prepare, act) {
	const took = [];
	for (let i = 0; i < TIMES; i++) {
		await prepare();
		const from = performance.now();
		await act();
		took.push(performance.now() - from);
	}
	say(what, median(took));
}

/* Until no answer is on its way and the page has been drawn. */
const shown = async (page) => {
	await page.evaluate(
		() =>
			new Promise((done) => {
				const look = () =>
					document.querySelector("main section, main dl") &&
					!document.querySelector('[aria-busy="true"]')
						? requestAnimationFrame(() => done())
						: setTimeout(look, 2);
				look();
			}),
	);
};

/* From a click to the new answer on the screen, by the page's own clock. */
async function inPage(page, what, prepare, [where, text, shows, asked]) {
	const took = [];
	for (let i = 0; i < TIMES; i++) {
		await prepare();
		took.push(
			await page.evaluate(
				([where, text, shows, asked]) =>
					new Promise((done) => {
						const from = performance.now();
						const look = () => {
							const found = document.querySelector(shows);
							if (found && (found.dataset.asked ?? "").includes(asked))
								requestAnimationFrame(() => done(performance.now() - from));
							else setTimeout(look, 1);
						};
						[...document.querySelectorAll(where)]
							.find((e) => e.textContent.startsWith(text))
							.click();
						look();
					}),
				[where, text, shows, asked],
			),
		);
	}
	say(what, median(took));
}

const ASKED = [
	"/v1/series?by=conversation&n=8&step=30",
	"/v1/series?by=direction&n=2&step=30",
	"/v1/series?step=30",
	"/v1/top?by=conversation&n=10",
	"/v1/ledger?last=1h",
	"/v1/status",
	"/v1/tcp?by=host,role&n=1000",
	"/v1/topology?group=host&n=200",
	"/v1/flows?limit=25&order=start",
];

await run(async (page) => {
	for (const path of ASKED)
		await measure(
			`GET ${path}`,
			async () => {},
			async () => (await fetch(url + path)).arrayBuffer(),
		);
	await measure(
		"first load",
		async () => page.goto("about:blank"),
		async () => {
			await visit(page, "");
			await shown(page);
		},
	);
	const overview = async () => {
		await visit(page, "");
		await settled(page);
	};
	const explore = async () => {
		await visit(page, "?view=explore");
		await settled(page);
	};
	let at = 0;
	await inPage(page, "to the topology", overview, ["nav a", "Topology", "svg.graph .edge", ""]);
	await inPage(page, "to explore", overview, ["nav a", "Explore", "[data-asked]", "/v1/top"]);
	await inPage(page, "a sorting by packets", explore, [
		"th button",
		"packets",
		"[data-asked]",
		"order=packets",
	]);
	await inPage(
		page,
		"a filter applied",
		async () => {
			await explore();
			await page.locator("#filter").fill(`port ${1000 + ++at}`);
		},
		["form button", "Apply", "[data-asked]", "filter=port"],
	);
});
