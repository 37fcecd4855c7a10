// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What holds for all views: sizes, schemes, accessibility; and a collector that goes away. */
import { accessible, check, picture, settled, tell, until, visit } from "./browser.mjs";

export const VIEWS = ["overview", "topology", "explore", "tcp", "drops"];
/* Every view: pictures, axe in both schemes, 360 px and a wall screen, no sideways scrolling. */
export async function everywhere(page, span) {
	for (const view of VIEWS)
		for (const [scheme, width, height] of [
			["light", 1280, 900],
			["dark", 360, 740],
			["dark", 3840, 2160],
		]) {
			await page.emulateMedia({ colorScheme: scheme });
			await page.setViewportSize({ width, height });
			await visit(page, `?view=${view}&${span}`);
			await settled(page);
			const over = await page.evaluate(
				() => document.documentElement.scrollWidth - document.documentElement.clientWidth,
			);
			check(over <= 0, `${view} at ${width} px is ${over} px too wide`);
			if (width < 2000) await accessible(page, `${view}, ${scheme}, ${width} px`);
			await picture(page, `${view}-${width}`);
		}
	await page.setViewportSize({ width: 1280, height: 900 });
	await page.emulateMedia({ colorScheme: "light" });
}

/* The collector goes away and comes back; then new rows come to the open page. */
export async function restart(page) {
	await visit(page, "?last=1h");
	await page.getByText("● live").waitFor();
	await tell("STOP");
	await page.getByText("no connection to the collector").waitFor();
	await tell("START");
	await page.getByText("● live").waitFor();
	await settled(page);
	const before = await page.locator('[data-tile="Packets"]').getAttribute("title");
	await tell("TRAFFIC");
	await until(
		async () => Number(await page.locator('[data-tile="Active flows"]').innerText()) > 0,
		"active flows",
	);
	await until(
		async () => (await page.locator('[data-tile="Packets"]').getAttribute("title")) !== before,
		"new packets without a reload",
		30000,
	);
}
