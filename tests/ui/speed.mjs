// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* For bench/page.py: how long a load and clicks take, until what they ask for is shown. */
import { run, settled, url, visit } from "./browser.mjs";

const TIMES = 7;
const REST_MS = 100; /* people take longer from reaching a thing to pressing it */
const PRESS_MS = 50; /* and longer than that from pressing to letting go */
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

/* Clicks with a mouse that was moved there `rest` ms before; how long until `shows` is there, by the
 * page's own clock. */
async function click(page, target, rest, shows, asked) {
	const box = await target.boundingBox();
	const shown = page.evaluate(
		([shows, asked]) =>
			new Promise((done) => {
				let from = 0;
				/* what a frame finds when it begins is on the screen when it ends */
				const look = () =>
					requestAnimationFrame(() => {
						const found = document.querySelector(shows);
						if (found && (found.dataset.asked ?? "").includes(asked))
							setTimeout(() => done(performance.now() - from));
						else look();
					});
				addEventListener(
					"click",
					() => {
						from = performance.now();
						look();
					},
					{ capture: true, once: true },
				);
			}),
		[shows, asked],
	);
	await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
	await page.waitForTimeout(rest);
	await page.mouse.down();
	await page.waitForTimeout(PRESS_MS);
	await page.mouse.up();
	return shown;
}

const QUIET_MS = 500; /* between what people do */

/* In a page that has been open: there and back, or one after the other. */
async function clicks(page, what, rest, prepare, [where, text, shows, asked]) {
	const took = [];
	for (let i = 0; i < TIMES + 1; i++) {
		await prepare(i);
		await settled(page);
		await page.mouse.move(600, 2);
		await page.waitForTimeout(QUIET_MS);
		const target = page
			.locator(where)
			.filter({ hasText: text(i) })
			.first();
		took.push(await click(page, target, rest, shows, asked(i)));
	}
	say(what, median(took.slice(1))); /* the first one compiles */
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
	const overview = () => page.locator("nav a", { hasText: "Overview" }).click();
	const link = (view, shows, asked) => ["nav a", () => view, shows, () => asked];
	await visit(page, "");
	for (const rest of [REST_MS, 0]) {
		const how = rest ? `, where the pointer has been for ${rest} ms` : "";
		const topology = link("Topology", "svg.graph .edge", "");
		await clicks(page, `to the topology${how}`, rest, overview, topology);
		await clicks(
			page,
			`to explore${how}`,
			rest,
			overview,
			link("Explore", "[data-asked]", "/v1/top"),
		);
		const order = (i) => ["packets", "bytes"][i % 2];
		await clicks(page, `a sorting${how}`, rest, async () => {}, [
			"th button",
			order,
			"[data-asked]",
			(i) => `order=${order(i)}`,
		]);
	}
	let at = 0;
	await clicks(
		page,
		"a filter applied",
		0,
		async () => page.locator("#filter").fill(`port ${1000 + ++at}`),
		["form button", () => "Apply", "[data-asked]", () => `filter=port+${1000 + at}`],
	);
});
