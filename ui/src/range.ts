// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The time that is looked at, from the address; and how often it has to be looked at again. */
import { computed } from "@preact/signals";
import type { Args } from "./api";
import { oldest } from "./live";
import { place } from "./place";
import { rangeArgsOf } from "./range_args";

export const LASTS = ["1m", "5m", "15m", "1h", "6h", "24h", "7d", "30d", "all"];
const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400 };
const STEPS = [
	1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400, 604800,
	2592000,
];
const POINTS = 120;

/* In seconds; null: all of time. */
function lastSeconds(last: string): number | null {
	const found = /^(\d+)([smhd]?)$/.exec(last);
	return found ? Number(found[1]) * (UNITS[found[2]] ?? 1) : null;
}

export const last = computed(() => place.value.last || "1h");
export const isFixed = computed(() => Boolean(place.value.from));

/* The range as arguments of a question. */
export const rangeArgs = computed<Args>(() => rangeArgsOf(place.value));

/* Of all that is stored; a guess until the collector has said when that begins. */
function ageSeconds(): number {
	return oldest.value ? Math.max(60, (Date.now() - oldest.value / 1000) / 1000) : 86400;
}

/* Seconds looked at. */
export const rangeSeconds = computed(() => {
	if (!isFixed.value) return lastSeconds(last.value) ?? ageSeconds();
	const to = place.value.to ? Number(place.value.to) : Date.now() * 1000;
	return Math.max(1, (to - Number(place.value.from)) / 1e6);
});

/* Seconds a point of a graph stands for, so that there are about `points` of them. */
export function stepFor(seconds: number, points = POINTS): number {
	return STEPS.find((s) => seconds / s <= points) ?? STEPS[STEPS.length - 1];
}

/* Of /v1/series: what an agent saw in its interval is spread over steps that are shorter. */
export const stepArgs = (step: number) => ({ step, spread: step < 10 ? 1 : undefined });

/* Seconds from one look to the next; 0: what is looked at does not change. */
export const everySeconds = computed(() => {
	if (isFixed.value && place.value.to) return 0;
	return Math.min(60, Math.max(1, Math.floor(rangeSeconds.value / 600)));
});
