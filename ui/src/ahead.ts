// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Answers asked for before what shows them is there: at the press that leads to them, or when the
 * pointer rests on what would be pressed. Who shows them takes them; what nobody takes is forgotten.
 */
import { ask } from "./api";

const FRESH_MS = 2000;
const NEAR_MS = 25; /* a pointer that only passes by asks for nothing */

interface Coming {
	answer: Promise<unknown>;
	asked: number;
}

const coming = new Map<string, Coming>();
let near = 0;

function forgetOld() {
	for (const [url, c] of coming) if (performance.now() - c.asked > FRESH_MS) coming.delete(url);
}

/* Settles when all of them have been answered, or could not be. */
export async function askAhead(urls: string[]): Promise<void> {
	forgetOld();
	for (const url of urls)
		if (!coming.has(url)) coming.set(url, { answer: ask(url), asked: performance.now() });
	await Promise.allSettled(urls.map((url) => coming.get(url)?.answer));
}

/* Once; null: nobody asked, or too long ago. */
export function takeAhead<T>(url: string): Promise<T> | null {
	forgetOld();
	const found = coming.get(url);
	coming.delete(url);
	return (found?.answer as Promise<T>) ?? null;
}

export interface Nearing {
	onPointerEnter: () => void;
	onPointerLeave: () => void;
	onPointerDown: () => void;
	onFocus: () => void;
}

/* For an element that leads to where these are asked. */
export const nearing = (urls: () => string[]): Nearing => ({
	onPointerEnter: () => {
		clearTimeout(near);
		near = setTimeout(() => askAhead(urls()), NEAR_MS);
	},
	onPointerLeave: () => clearTimeout(near),
	/* a press is a click when it ends, a tenth of a second later; a finger comes without nearing */
	onPointerDown: () => {
		askAhead(urls());
	},
	onFocus: () => {
		askAhead(urls());
	},
});
