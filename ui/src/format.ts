// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Values as people read them; the exact ones are in titles and in tables. */

const LARGE = ["", "k", "M", "G", "T", "P", "E"];

/* 1234567 → "1.23 M" */
export function count(n: number): string {
	let at = 0,
		v = Math.abs(n);
	while (v >= 1000 && at < LARGE.length - 1) {
		v /= 1000;
		at++;
	}
	const text = at === 0 && Number.isInteger(v) ? String(v) : v.toPrecision(3);
	return `${n < 0 ? "-" : ""}${text}${at ? ` ${LARGE[at]}` : ""}`;
}

export const bytes = (n: number) => `${count(n)}${Math.abs(n) < 1000 ? " " : ""}B`;
export const bitRate = (n: number) => `${count(n)}${Math.abs(n) < 1000 ? " " : ""}bit/s`;
export const exact = (n: number) => n.toLocaleString("en-US");

export function percent(part: number, whole: number): string {
	if (!whole) return "–";
	const p = (part / whole) * 100;
	return p === 0 ? "0 %" : p < 0.01 ? "< 0.01 %" : `${p.toPrecision(p < 1 ? 2 : 3)} %`;
}

/* Nanoseconds: "12.3 µs", "4.56 ms", "1.2 s". */
export function latency(ns: number | null | undefined): string {
	if (ns === null || ns === undefined || ns <= 0) return "–";
	if (ns < 1e3) return `${Math.round(ns)} ns`;
	if (ns < 1e6) return `${(ns / 1e3).toPrecision(3)} µs`;
	if (ns < 1e9) return `${(ns / 1e6).toPrecision(3)} ms`;
	return `${(ns / 1e9).toPrecision(3)} s`;
}

/* Seconds: "45 s", "12 min", "3.5 h", "2 d". */
export function duration(s: number): string {
	if (s < 1) return `${Math.round(s * 1000)} ms`;
	if (s < 120) return `${Number(s.toFixed(1))} s`;
	if (s < 7200) return `${Math.round(s / 60)} min`;
	if (s < 172800) return `${(s / 3600).toFixed(1)} h`;
	return `${(s / 86400).toFixed(1)} d`;
}

const two = (n: number) => String(n).padStart(2, "0");

/* Microseconds since the epoch: local time to the millisecond; "–" for 0. */
export function time(us: number): string {
	if (!us) return "–";
	const d = new Date(us / 1000);
	const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
	const clock = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
	return `${day} ${clock}.${String(d.getMilliseconds()).padStart(3, "0")}`;
}

export const ago = (us: number, now_us: number) =>
	us ? `${duration(Math.max(0, (now_us - us) / 1e6))} ago` : "never";

export function endpoint(address: unknown, port: unknown): string {
	if (port === null || port === undefined || port === "") return String(address);
	const a = String(address);
	return a.includes(":") ? `[${a}]:${port}` : `${a}:${port}`;
}

/* A word of a shell. */
export const quoted = (text: string) =>
	/^[\w./:,@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
