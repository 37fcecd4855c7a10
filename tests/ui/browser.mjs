// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * A real browser at the page: Debian's Chromium, driven by playwright-core. What every script of
 * this folder shares: a page that counts complaints, waiting, pictures, and talking to the test.
 */
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const build = resolve(process.env.BUILD ?? "build");
const require = createRequire(import.meta.url);
const { chromium } = require(`${build}/deps/playwright-core/package`);
const axe = readFileSync(`${build}/deps/axe-core/package/axe.min.js`, "utf8");

export const url = process.env.WT_URL;
const pictures = `${build}/test-logs/ui`;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/* Says something to the test, and waits until it has done what that means. */
export async function tell(word) {
	console.log(word);
	return (await lines.next()).value;
}

export function check(claim, what) {
	if (!claim) throw new Error(what);
}

export function equal(got, want, what) {
	const a = JSON.stringify(got),
		b = JSON.stringify(want);
	if (a !== b) throw new Error(`${what}: got ${a}, want ${b}`);
}

export const api = async (path) => {
	const answer = await fetch(`${url}${path}`);
	if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
	return answer.json();
};

/* Everything a browser complains about, and every request that leaves for elsewhere. */
function watch(page, complaints) {
	page.on("pageerror", (e) => complaints.push(`error: ${e.message}`));
	page.on("console", (m) => {
		if (m.type() === "error" && !/Failed to load resource|net::ERR/.test(m.text()))
			complaints.push(`console: ${m.text()}`);
	});
	page.on("request", (r) => {
		if (!r.url().startsWith(url) && !r.url().startsWith("data:"))
			complaints.push(`request elsewhere: ${r.url()}`);
	});
	page.on("dialog", (d) => {
		complaints.push(`dialog: ${d.message()}`);
		d.dismiss();
	});
}

/* Runs `steps` with a page; exit status 1 and a picture when one of them fails. */
export async function run(steps, options = {}) {
	const browser = await chromium.launch({
		executablePath: "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
	});
	const context = await browser.newContext({
		viewport: { width: 1280, height: 900 },
		permissions: ["clipboard-read", "clipboard-write"],
		...options,
	});
	const page = await context.newPage();
	const complaints = [];
	page.setDefaultTimeout(20000);
	watch(page, complaints);
	try {
		await steps(page, context);
		equal(complaints, [], "what the browser complains about");
		console.log("PASSED");
	} catch (e) {
		console.log(`FAILED: ${e.stack ?? e}\n${complaints.join("\n")}`);
		await picture(page, "failed").catch(() => {});
		process.exitCode = 1;
	} finally {
		await browser.close();
		process.stdin.destroy();
	}
}

export async function picture(page, name) {
	mkdirSync(pictures, { recursive: true });
	await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
}

/* Waits for it to become true: what the page shows follows the collector by a second. */
export async function until(claim, what, ms = 20000) {
	const end = Date.now() + ms;
	let last;
	for (;;) {
		try {
			if ((last = await claim())) return last;
		} catch (e) {
			last = e.message;
		}
		if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms; last: ${last}`);
		await new Promise((done) => setTimeout(done, 50));
	}
}

export const visit = async (page, query) => {
	await page.goto(`${url}/${query}`);
	await page.locator("main").waitFor();
};

/* No part of the view is still being asked for. */
export const settled = (page) =>
	until(
		async () =>
			(await page.locator('[aria-busy="true"]').count()) === 0 &&
			(await page.locator("main section").count()) > 0,
		"all answers to be there",
	);

/* axe: nothing serious, nothing critical. */
export async function accessible(page, where) {
	await page.evaluate(axe);
	const found = await page.evaluate(async () =>
		(await globalThis.axe.run()).violations
			.filter((v) => v.impact === "serious" || v.impact === "critical")
			.map(
				(v) =>
					`${v.id}: ${v.nodes
						.slice(0, 3)
						.map((n) => n.html.slice(0, 160))
						.join(" | ")}`,
			),
	);
	equal(found, [], `axe at ${where}`);
}
