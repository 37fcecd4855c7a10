// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * The collector says every second how far its store is (/v1/live, server-sent events); who shows
 * something looks again then. A connection that broke is made anew, for ever.
 */
import { signal } from "@preact/signals";
import { ask, type Status } from "./api";

const RETRY_MS = 1000;
const SILENCE_MS = 8000; /* the collector speaks at least every 5 s */

export interface Beat {
	rows: number;
	now_us: number;
}

export const beat = signal<Beat | null>(null);
export const isConnected = signal(false);

/* When what is stored begins, in us; 0: not known. */
export const oldest = signal(0);

async function lookHowOld() {
	try {
		oldest.value = (await ask<Status>("/v1/status")).store.first_us;
	} catch {
		/* it is only for the width of steps */
	}
}

let source: EventSource | null = null;
let heard = 0;

function drop() {
	source?.close();
	source = null;
	isConnected.value = false;
}

function take(e: MessageEvent) {
	const now: Beat = JSON.parse(e.data);
	heard = Date.now();
	if (!isConnected.value || !oldest.value) lookHowOld();
	isConnected.value = true;
	beat.value = now;
}

function connect() {
	if (source || document.hidden) return;
	heard = Date.now();
	source = new EventSource("/v1/live");
	source.onmessage = take;
	source.onerror = drop;
}

export function startLive() {
	connect();
	document.addEventListener("visibilitychange", () => (document.hidden ? drop() : connect()));
	setInterval(() => {
		if (source && Date.now() - heard > SILENCE_MS) drop();
		connect();
	}, RETRY_MS);
}
