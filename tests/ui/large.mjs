// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The page of an empty store says what to do; then rows come, many of them, over a slow link. */
import { api, check, equal, picture, run, settled, tell, until, url, visit } from "./browser.mjs";

const ROWS = 10000;

async function empty(page) {
	await visit(page, "");
	await page.getByRole("heading", { name: "Nothing has been stored yet" }).waitFor();
	check((await page.locator("main").innerText()).includes("wiretally import"), "what to do next");
	await picture(page, "empty");
	for (const view of ["topology", "explore", "tcp", "drops"]) {
		await visit(page, `?view=${view}`);
		await settled(page);
	}
	await visit(page, "");
	await page.getByText("● live").waitFor();
	await tell("FILL");
	await page.locator('[data-tile="Packets"]').waitFor(); /* by itself */
}

/* Ten thousand records in one answer: some 10 MB, of which the document holds what is in sight. */
async function large(page) {
	const args = `last=all&size=${ROWS}`;
	const answer = await fetch(`${url}/v1/flows?last=all&order=start&limit=${ROWS}`);
	const bytes = (await answer.arrayBuffer()).byteLength;
	check(bytes > 5e6, `the answer has ${bytes} bytes`);
	await visit(page, `?view=explore&mode=records&${args}`);
	await settled(page);
	const table = page.getByRole("region", { name: "Flow records" }).locator("table");
	await until(
		async () => (await table.getAttribute("aria-rowcount")) === String(ROWS),
		"all rows",
	);
	check((await table.locator("tbody tr").count()) < 200, "only those in sight are drawn");
	const last = (await api(`/v1/flows?last=all&order=start&limit=1&offset=${ROWS - 1}`)).rows[0];
	await page.locator(".scroll.tall").evaluate((e) => (e.scrollTop = e.scrollHeight));
	await until(
		async () =>
			(await table.locator(`tr[aria-rowindex="${ROWS}"]`).innerText()).includes(
				`${last.src}:${last.src_port}`,
			),
		"the last row, when scrolled to",
	);
	equal((await api("/v1/flows?last=all&limit=1")).matched > ROWS, true, "there are more pages");
}

/* 1 Mbit/s and 300 ms: what is there is shown, what is waited for is said to be. */
async function slowLink(page, context) {
	const cdp = await context.newCDPSession(page);
	await cdp.send("Network.enable");
	await cdp.send("Network.emulateNetworkConditions", {
		offline: false,
		latency: 300,
		downloadThroughput: 125000,
		uploadThroughput: 125000,
	});
	await visit(page, "?view=topology&last=all&links=2000");
	await page.getByText("asking …").first().waitFor();
	await settled(page);
	await until(async () => (await page.locator("svg.graph .edge").count()) > 0, "links");
	await visit(page, "?last=all");
	await until(
		async () => await page.locator('[data-tile="Packets"]').getAttribute("title"),
		"packets",
	);
	await cdp.send("Network.emulateNetworkConditions", {
		offline: false,
		latency: 0,
		downloadThroughput: -1,
		uploadThroughput: -1,
	});
}

/* What a view will ask is asked when the pointer comes to its name, and not again at the click. */
async function askedAhead(page) {
	await visit(page, "?last=all");
	await settled(page);
	const asked = [];
	page.on("request", (r) => r.url().includes("/v1/topology") && asked.push(r.url()));
	const link = page.locator("nav a", { hasText: "Topology" });
	const coming = page.waitForResponse((r) => r.url().includes("/v1/topology"));
	await link.hover();
	await (await coming).finished();
	equal(new URL(page.url()).searchParams.get("view"), null, "the view before the click");
	await link.click();
	const edge = page.locator("svg.graph .edge").first();
	await edge.waitFor();
	equal(asked.length, 1, "questions about the topology");
	await edge.dispatchEvent("pointerenter");
	const [a] = (await edge.getAttribute("data-edge")).split(" ");
	check((await edge.locator("title").textContent()).startsWith(`${a} and `), "what an edge says");
}

/* Two thousand links: aggregation, search and the neighbours of one node. */
async function manyLinks(page) {
	await visit(page, "?view=topology&last=all&links=2000");
	await settled(page);
	const all = await until(async () => page.locator("svg.graph .edge").count(), "links");
	check(all > 500, `${all} links`);
	const node = page.locator("svg.graph .node").first();
	const name = await node.getAttribute("data-node");
	await node.dispatchEvent("click");
	await until(async () => (await page.locator("svg.graph .edge.back").count()) > 0, "in focus");
	const near = all - (await page.locator("svg.graph .edge.back").count());
	check(near > 0 && near < all, `${near} of ${all} links are ${name}'s`);
	await picture(page, "topology-2000");
	await page.locator("[data-choice=group]").selectOption("subnet");
	await settled(page);
	await until(
		async () =>
			/\/(24|64)$/.test(
				await page.locator("svg.graph .node").first().getAttribute("data-node"),
			),
		"networks",
	);
}

await run(async (page, context) => {
	for (const part of [empty, large, slowLink, askedAhead, manyLinks]) {
		console.log(`part: ${part.name}`);
		await part(page, context);
	}
});
