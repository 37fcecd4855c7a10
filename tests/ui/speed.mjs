// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* For bench/page.py: how long a load and clicks take, until what they ask for is shown. */
import { run, settled, until, url, visit } from "./browser.mjs";

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
	await measure(
		"to the topology",
		async () => {
			await visit(page, "");
			await settled(page);
		},
		async () => {
			await page.getByRole("navigation").getByText("Topology").click();
			await until(async () => (await page.locator("svg.graph .edge").count()) > 0, "links");
		},
	);
	await measure(
		"to explore",
		async () => {
			await visit(page, "");
			await settled(page);
		},
		async () => {
			await page.getByRole("navigation").getByText("Explore").click();
			await page.locator("[data-total-packets]").waitFor();
		},
	);
	let at = 0;
	await measure(
		"a filter applied",
		async () => {
			await visit(page, "?view=explore");
			await settled(page);
		},
		async () => {
			await page.locator("#filter").fill(`port ${1000 + at++}`);
			await page.locator("#filter").press("Enter");
			await page.waitForResponse(
				(r) => r.url().includes("/v1/top") && r.url().includes("port"),
			);
		},
	);
	await measure(
		"a sorting by packets",
		async () => {
			await visit(page, "?view=explore");
			await settled(page);
		},
		async () => {
			await page.getByRole("button", { name: "packets" }).click();
			await page.waitForResponse((r) => r.url().includes("order=packets"));
		},
	);
});
