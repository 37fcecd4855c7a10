// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* An answer of the collector that stays true: asked again when the question or the data change. */
import { effect, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { takeAhead } from "./ahead";
import { type Args, ApiError, apiUrl, ask } from "./api";
import { beat } from "./live";
import { everySeconds } from "./range";

export interface Answer<T> {
	data: T | null; /* the newest there is; it stays while the next one is on its way */
	url: string | null; /* the question that it answers */
	error: ApiError | null;
	isLoading: boolean;
}

/* path null: nothing is asked. It is not asked before isTime; what there is stays until then. */
export function useApi<T>(path: string | null, args: Args = {}, isTime = true): Answer<T> {
	const answer = useSignal<Answer<T>>({ data: null, url: null, error: null, isLoading: true });
	const url = path === null ? null : apiUrl(path, args);
	const isHeld = !isTime && answer.value.url !== url;

	useLayoutEffect(() => {
		/* at once: what is asked before the page is drawn is answered a frame earlier */
		const stop = new AbortController();
		let isUnderWay = false,
			isWanted = false /* once more, when the one under way is there */,
			asked = 0,
			timer = 0;

		async function look() {
			isWanted = isUnderWay;
			if (!url || isUnderWay) return;
			isUnderWay = true;
			asked = performance.now();
			try {
				const data = await (takeAhead<T>(url) ?? ask<T>(url, stop.signal));
				if (!stop.signal.aborted)
					answer.value = { data, url, error: null, isLoading: false };
			} catch (e) {
				if (!stop.signal.aborted)
					answer.value = { ...answer.peek(), error: e as ApiError, isLoading: false };
			}
			isUnderWay = false;
			if (isWanted) lookSoon(everySeconds.peek());
		}
		function lookSoon(every: number) {
			clearTimeout(timer);
			timer = setTimeout(look, Math.max(0, asked + every * 1000 - performance.now()));
		}

		if (!url) {
			answer.value = { data: null, url: null, error: null, isLoading: false };
			return;
		}
		answer.value = { ...answer.peek(), isLoading: true };
		if (isHeld) return;
		look();
		const end = effect(() => {
			const every = everySeconds.value;
			if (beat.value && every) lookSoon(every); /* time goes on without rows, too */
		});
		return () => {
			stop.abort();
			clearTimeout(timer);
			end();
		};
	}, [url, isHeld]);
	return answer.value;
}
