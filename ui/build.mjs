// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* ui/src → FOLDER: app.js, app.css, index.html, icon.svg, each with its gzip beside it. */
import { build } from "esbuild";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const MAX_BYTES = 500 * 1000; /* of the page, compressed */
const from = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const to = process.argv[2];
const files = ["index.html", "icon.svg", "app.js", "app.css"];

await build({
	absWorkingDir: from,
	entryPoints: { app: "src/main.tsx" },
	outdir: to,
	bundle: true,
	minify: true,
	format: "esm",
	target: "es2022",
	legalComments: "inline",
	logLevel: "warning",
	jsx: "automatic",
	jsxImportSource: "preact",
});
for (const name of files.slice(0, 2)) copyFileSync(`${from}/${name}`, `${to}/${name}`);
let total = 0;
for (const name of files) {
	const packed = gzipSync(readFileSync(`${to}/${name}`), { level: 9 });
	packed[9] = 255; /* no host's name in it: the same everywhere */
	writeFileSync(`${to}/${name}.gz`, packed);
	total += packed.length;
}
if (total > MAX_BYTES) {
	console.error(`the page is ${total} bytes, ${MAX_BYTES} are allowed`);
	process.exit(1);
}
