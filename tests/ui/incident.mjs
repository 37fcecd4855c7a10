// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * The page while something is wrong (tests/net/test_page.py made it): each view shows what the API
 * says, the lossy link is coloured, a path of clicks leads from the overview to a flow, errors and
 * a restart are survived. WT_TRUTH: what the programs that made the traffic say.
 */
import { api, check, equal, picture, run, settled, tell, until, url, visit } from "./browser.mjs";
import { everywhere, restart, VIEWS } from "./everywhere.mjs";

const truth = JSON.parse(process.env.WT_TRUTH);
const SPAN = "last=all"; /* nothing new comes: every number stays */
const number = (text) => Number(text.replaceAll(",", "").split(" ")[0]);
const tile = async (page, name) => page.locator(`[data-tile="${name}"]`).innerText();

async function overview(page) {
	let series = "";
	page.on("request", (r) => {
		if (r.url().includes("/v1/series") && r.url().includes("by=conversation")) series = r.url();
	});
	await visit(page, `?${SPAN}`);
	await settled(page);
	const tcp = (await api(`/v1/tcp?${SPAN}&by=host,role&n=1000`)).rows;
	const top = await api(`/v1/top?${SPAN}&by=conversation&n=10`);
	const drops = await api(`/v1/drops?${SPAN}`);
	const ledger = await api(`/v1/ledger?${SPAN}`);
	equal(
		number(await tile(page, "Failed connects")),
		tcp.reduce((n, r) => n + r.failed, 0),
		"failed connects",
	);
	check(number(await tile(page, "Failed connects")) >= truth.refused, "all refused ones");
	equal(
		await page.locator('[data-tile="Packets"]').getAttribute("title"),
		top.total.packets.toLocaleString("en-US"),
		"packets",
	);
	equal(
		await page.locator('[data-tile="Throughput"]').getAttribute("title"),
		`${top.total.octets.toLocaleString("en-US")} bytes`,
		"bytes",
	);
	equal(number(await tile(page, "Drops")), drops.packets, "drops");
	for (const [name, kind] of [
		["Connect p50 / p99", "connect"],
		["RTT p50 / p99", "rtt"],
	]) {
		const want = (await api(`/v1/latencies?${SPAN}&by=host&kind=${kind}`)).rows[0].p99_ns;
		const shown = number(await page.locator(`[data-tile="${name}"]`).getAttribute("title"));
		check(Math.abs(shown - want) <= want * 0.01, `${name}: ${shown}, the API says ${want}`);
	}
	equal(ledger.balanced, true, "the ledger adds up");
	equal(number(await tile(page, "Ledger")), 0, "unaccounted packets");
	const largest = page.getByRole("region", { name: "Largest" }).locator("tbody tr");
	await until(async () => (await largest.count()) === top.rows.length, "conversations");
	equal(
		await largest
			.locator('[data-column="octets"]')
			.evaluateAll((cells) => cells.map((c) => c.title)),
		top.rows.map((r) => r.octets.toLocaleString("en-US")),
		"bytes of conversations",
	);
	check(
		(await page.getByLabel("Worth a look").innerText()).includes("connections failed"),
		"failures are worth a look",
	);
	const alerts = (await api("/v1/alerts")).rows.filter((a) => a.state === "firing");
	check(
		alerts.some((a) => a.alert === "ConnectsFail" && a.subject === `${truth.closed}:9`),
		`refused connects are an alert: ${JSON.stringify(alerts)}`,
	);
	for (const a of alerts)
		check(
			(await page.locator(`.firing[data-alert="${a.alert}"]`).allInnerTexts()).some((t) =>
				t.includes(a.summary),
			),
			`an alert is shown: ${a.summary}`,
		);
	/* the graph's numbers, as a table */
	const graph = page.getByRole("figure", { name: /Throughput by/ });
	await graph.getByText("as a table").click();
	const cells = graph.locator("td[data-value]");
	await until(async () => (await cells.count()) > 0, "numbers of the graph");
	const drawn = await cells.evaluateAll((all) =>
		all.reduce((n, c) => n + Number(c.dataset.value || 0), 0),
	);
	const asked = new URL(series);
	const step = Number(asked.searchParams.get("step"));
	const answer = await api(asked.pathname + asked.search);
	const bits = answer.rows.reduce((n, r) => n + r.octets * 8, 0) / step;
	check(Math.abs(drawn - bits) <= bits * 1e-9, `drawn ${drawn}, the API says ${bits}`);
}

/* Shape, width and colour of the links. */
async function topology(page) {
	await visit(page, `?view=topology&${SPAN}`);
	await settled(page);
	const links = await api(`/v1/topology?${SPAN}&group=host&n=200`);
	const pairs = new Set(
		links.links
			.filter((l) => l.source !== l.target)
			.map((l) => [l.source, l.target].sort().join(" ")),
	);
	await until(
		async () => (await page.locator("svg.graph .edge").count()) === pairs.size,
		`${pairs.size} links drawn`,
	);
	const grade = async (a, b) =>
		page
			.locator(
				`.graph .edge[data-edge="${a} ${b}"], ` + `.graph .edge[data-edge="${b} ${a}"]`,
			)
			.first()
			.getAttribute("class");
	await until(async () => (await grade(truth.client, truth.good)).includes("good"), "good");
	equal(await grade(truth.client, truth.slow), "edge slow", "the slow service's link");
	equal(await grade(truth.client, truth.lossy), "edge lossy", "the lossy service's link");
	equal(await grade(truth.client, truth.closed), "edge failing", "the refused port's link");
	const node = page.locator(`.graph .node[data-node="${truth.good}"] circle`);
	const at = await until(async () => {
		const before = await node.boundingBox();
		await new Promise((done) => setTimeout(done, 200));
		const now = await node.boundingBox();
		return Math.abs(before.x - now.x) + Math.abs(before.y - now.y) < 1 && now;
	}, "the graph to settle");
	await page.mouse.move(at.x + at.width / 2, at.y + at.height / 2);
	await page.mouse.down();
	await page.mouse.move(at.x + 60, at.y + 30, { steps: 5 });
	await page.mouse.up();
	await page.locator(`.graph .node.pinned[data-node="${truth.good}"]`).waitFor();
	await page.locator("[data-choice=shape]").selectOption("sankey");
	await until(
		async () => (await page.locator(".stream").count()) === Math.min(40, links.links.length),
		"a stream for each link",
	);
	await picture(page, "sankey");
	await page.locator("[data-choice=shape]").selectOption("matrix");
	await page.getByRole("button", { name: `${truth.client} to ${truth.lossy}` }).waitFor();
	await picture(page, "matrix");
	for (const group of ["subnet", "service", "process"]) {
		await page.locator("[data-choice=shape]").selectOption("graph");
		await page.locator("[data-choice=group]").selectOption(group);
		await settled(page);
		await until(async () => (await page.locator("svg.graph .node").count()) > 0, group);
	}
	await until(
		async () => (await page.locator("main").innerText()).includes(truth.hostile),
		"the hostile process's name, as it is",
	);
	equal(await page.locator("main b b, main td b").count(), 0, "a process's name is text");
	await page.getByPlaceholder("part of a name").fill(truth.lossy);
	await until(async () => (await page.locator(".node.found").count()) > 0, "found");
}

/* Overview → link → connection → flow, by clicks alone. */
async function path(page) {
	await visit(page, `?${SPAN}`);
	await page.getByRole("navigation").getByText("Topology").click();
	await settled(page);
	const edge = page.locator(`.graph .edge[data-edge*="${truth.lossy}"]`).first();
	await edge.waitFor({ state: "attached" });
	await edge.focus();
	await page.keyboard.press("Enter");
	const connections = page.getByRole("region", {
		name: "Connections of the link",
	});
	await connections.locator("tbody a").first().waitFor();
	await picture(page, "edge");
	await connections.locator("tbody a").first().click();
	await page.locator('[data-fact="sent again"]').waitFor();
	const again = number(await page.locator('[data-fact="sent again"]').innerText());
	const known = (
		await api(
			`/v1/connections?${SPAN}&filter=` +
				encodeURIComponent(`ip ${truth.lossy} and port ${truth.port}`),
		)
	).rows;
	check(
		known.some((c) => c.retransmits === again),
		`sent again: ${again} as the API says`,
	);
	check((await page.locator(".moments").innerText()).includes("established"), "its moments");
	await page
		.getByRole("region", { name: "Its flow records" })
		.locator("tbody a")
		.first()
		.waitFor();
	check((await page.locator(".life rect").count()) > 0, "its flow records are bars");
	await picture(page, "connection");
	await page.getByRole("region", { name: "Its flow records" }).locator("tbody a").first().click();
	await page.getByRole("region", { name: "Flow records" }).locator("tbody tr").first().waitFor();
	const place = new URL(page.url()).searchParams;
	equal(place.get("view"), "explore", "where the path ends");
	const shared = await page.context().newPage(); /* a view's address is all of it */
	await shared.goto(page.url());
	await shared.locator("[data-matched]").waitFor();
	equal(
		await shared.locator("[data-matched]").innerText(),
		await page.locator("[data-matched]").innerText(),
		"the same address, the same view",
	);
	await shared.close();
	await page.goBack();
	await page.locator(".moments").waitFor();
}

async function explore(page) {
	await visit(page, `?view=explore&${SPAN}&by=dst`);
	await settled(page);
	const top = await api(`/v1/top?${SPAN}&by=dst&n=25`);
	const cells = page
		.getByRole("region", { name: "Groups of flows" })
		.locator('td[data-column="packets"]');
	await until(async () => (await cells.count()) === top.rows.length, "a row for each group");
	equal(
		(await cells.allInnerTexts()).map(number),
		top.rows.map((r) => r.packets),
		"packets",
	);
	equal(
		number(await page.locator("[data-total-packets]").getAttribute("data-total-packets")),
		top.total.packets,
		"the total",
	);
	await page.getByRole("button", { name: "packets" }).click();
	await until(() => page.url().includes("order=packets"), "sorted");
	await page.getByRole("button", { name: "copy as CLI" }).click();
	const command = await page.evaluate(() => navigator.clipboard.readText());
	equal(command, "wiretally top --by dst --order packets --number 25 --last all", "the command");
	const answer = await tell(`COMMAND ${command}`); /* the test runs it */
	equal(
		JSON.parse(answer),
		(await api(`/v1/top?${SPAN}&by=dst&order=packets&n=25`)).rows.map((r) => [
			r.dst,
			r.packets,
		]),
		"what the copied command prints",
	);
	await page.locator("[data-choice=mode]").selectOption("records");
	await settled(page);
	const flows = await api(`/v1/flows?${SPAN}&limit=25`);
	await until(
		async () =>
			number((await page.locator("[data-matched]").innerText()).split("of ")[1] ?? "0") ===
			flows.matched,
		"records",
	);
	if (flows.matched > 25) {
		await page.getByRole("button", { name: "next", exact: true }).click();
		await until(
			async () => (await page.locator("[data-matched]").innerText()).startsWith("26 –"),
			"the second page",
		);
	}
}

/* Dragging over a graph looks at that time alone; there is a way back. */
async function brushing(page) {
	await visit(page, `?view=explore&${SPAN}`);
	await settled(page);
	const plot = page.locator(".plot .u-over").first();
	const chosen = () => {
		const at = new URL(page.url()).searchParams;
		return at.get("from") && at.get("to") && at;
	};
	const place = await until(async () => {
		if (chosen()) return chosen();
		const box = await plot.boundingBox(); /* null while the graph is made anew */
		await page.mouse.move(box.x + box.width * 0.25, box.y + box.height / 2);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width * 0.75, box.y + box.height / 2, { steps: 5 });
		await page.mouse.up();
		return chosen();
	}, "a time in the address");
	const want = await api(`/v1/top?from=${place.get("from")}&to=${place.get("to")}&by=src`);
	await until(
		async () =>
			(await page.locator("main").innerText()).includes("no flow record matches") ||
			Number(
				await page.locator("[data-total-packets]").getAttribute("data-total-packets"),
			) === want.total.packets,
		"that time alone",
	);
	await page.getByText("back to the last hour").first().click();
	await until(() => !new URL(page.url()).searchParams.get("from"), "back");
}

/* On paper there is what was seen, and nothing to press. */
async function printed(page) {
	await visit(page, `?${SPAN}`);
	await settled(page);
	await page.emulateMedia({ media: "print" });
	equal(await page.getByRole("navigation").isVisible(), false, "no navigation");
	equal(await page.locator("#filter").isVisible(), false, "no filter");
	equal(await page.locator('[data-tile="Packets"]').isVisible(), true, "numbers");
	const pdf = await page.pdf();
	check(pdf.length > 10000, `a PDF of ${pdf.length} bytes`);
	await page.emulateMedia({ media: "screen" });
}

/* Completion by keyboard, an error at its character, and text that stays text. */
async function filters(page) {
	await visit(page, `?view=explore&${SPAN}`);
	await page.locator("main").click();
	await page.keyboard.press("/");
	await page.keyboard.type("prot");
	await page.locator("#filter-words").getByText("proto", { exact: true }).waitFor();
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("Enter");
	await page.keyboard.type("tc");
	await page.locator("#filter-words").getByText("tcp", { exact: true }).waitFor();
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("Enter");
	equal((await page.locator("#filter").inputValue()).trim(), "proto tcp", "completed");
	await page.keyboard.press("Enter");
	await until(() => new URL(page.url()).searchParams.get("filter") === "proto tcp", "applied");
	await settled(page);
	const want = await api(`/v1/top?${SPAN}&filter=${encodeURIComponent("proto tcp")}`);
	await until(
		async () =>
			Number(
				await page.locator("[data-total-packets]").getAttribute("data-total-packets"),
			) === want.total.packets,
		"filtered",
	);
	await page.locator("#filter").fill("dst port 443 and prot tcp");
	await page.locator(".fault mark").waitFor();
	equal(await page.locator(".fault mark").innerText(), "p", "the character");
	check((await page.locator(".fault").innerText()).includes("did you mean 'proto'?"), "why");
	equal(await page.locator("#filter").getAttribute("aria-invalid"), "true", "said to all");
	await picture(page, "filter-error");
	await page.keyboard.press("Enter");
	await until(async () => (await page.locator(".fault").count()) === 1, "it stays");
	for (const evil of [
		"<img src=x onerror=alert(1)>",
		'"><script>alert(1)</script>',
		"process '<svg onload=alert(1)>'",
	])
		for (const view of VIEWS) {
			await visit(page, `?view=${view}&${SPAN}&filter=${encodeURIComponent(evil)}`);
			await settled(page);
			equal(await page.locator("main img, main script, .fault img").count(), 0, evil);
		}
}

async function tcpAndDrops(page) {
	await visit(page, `?view=tcp&${SPAN}`);
	await settled(page);
	const failing = page.getByRole("region", { name: "Failing" });
	check((await failing.innerText()).includes(`${truth.closed}:`), "the refused port is listed");
	const again = page.getByRole("region", { name: "Sent again" });
	check((await again.innerText()).includes(truth.lossy), "the lossy service is listed");
	const slow = page.getByRole("region", { name: "Slowest to connect" });
	check(
		/client\s+1\s+\d+\.\d+ s/.test(
			await slow.locator("tr", { hasText: truth.slow }).first().innerText(),
		),
		"the slow one took seconds",
	);
	check((await page.locator(".heat rect").count()) > 0, "the heat map has cells");
	const samples = (
		await page.locator(".heat").first().locator("rect title").allTextContents()
	).reduce((n, t) => n + number(t.split(": ")[1]), 0);
	const rows = (await api(`/v1/latencies?${SPAN}&by=host&n=100&kind=connect`)).rows;
	equal(
		samples,
		rows.reduce((n, r) => n + r.count, 0),
		"samples in the heat map",
	);
	await visit(page, `?view=drops&${SPAN}`);
	await settled(page);
	const drops = await api(`/v1/drops?${SPAN}`);
	equal(
		number(await page.locator("[data-dropped]").first().getAttribute("data-dropped")),
		drops.packets,
		"dropped packets",
	);
	for (const row of drops.rows.slice(0, 3))
		await page
			.getByRole("region", { name: "Why" })
			.getByText(row.reason, { exact: true })
			.first()
			.waitFor();
}

await run(async (page) => {
	for (const part of [
		overview,
		topology,
		path,
		explore,
		brushing,
		filters,
		tcpAndDrops,
		printed,
		everywhere,
		restart,
	]) {
		console.log(`part: ${part.name}`);
		await part(page, SPAN);
	}
	check(url.startsWith("http://127.0.0.1"), "on this host");
});
