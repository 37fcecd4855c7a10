// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Where we are: all of it is in the address, so that every view can be sent to somebody else. */
import { computed, signal } from "@preact/signals";
import { askAhead, nearing } from "./ahead";
import { firstQuestions } from "./questions";

export const VIEWS = ["overview", "topology", "explore", "tcp", "drops"] as const;
export type View = (typeof VIEWS)[number] | "connection";

/* What is in the address, by name. */
export type Place = Record<string, string>;

function read(): Place {
	return Object.fromEntries(new URLSearchParams(location.search));
}

function viewOf(at: Place): View {
	const name = at.view as View;
	return name === "connection" || (VIEWS as readonly string[]).includes(name) ? name : "overview";
}

export const place = signal<Place>(read());
export const view = computed<View>(() => viewOf(place.value));

/* What will be asked there and is not asked here. */
function questionsAt(to: Place): string[] {
	const here = firstQuestions(view.peek(), place.peek());
	return firstQuestions(viewOf(to), to).filter((url) => !here.includes(url));
}

const HOLD_MS = 120;
let turn = 0;

/*
 * To where the address says we are. It is asked before anything is drawn; another view is drawn
 * when its answers are there, for as long as nobody would notice, and not twice.
 */
async function arrive() {
	const to = read(),
		mine = ++turn,
		urls = questionsAt(to),
		answers = askAhead(urls);
	if (viewOf(to) !== view.peek() && urls.length)
		await Promise.race([answers, new Promise((done) => setTimeout(done, HOLD_MS))]);
	if (mine === turn) place.value = to;
}
addEventListener("popstate", arrive);

export function href(to: Place): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(to)) if (value) query.set(name, value);
	const text = query.toString();
	return text ? `/?${text}` : "/";
}

/* The address is ahead of what is drawn; who has read it is drawn again when that follows. */
function address(): Place {
	return place.value && read();
}

/* The place with some of it changed; "" takes a name out. */
export function changed(changes: Place): Place {
	return { ...address(), ...changes };
}

/* Another view of the same time and filter. */
export function elsewhere(name: View, changes: Place = {}): Place {
	const { last = "", from = "", to = "", filter = "" } = address();
	return { view: name, last, from, to, filter, ...changes };
}

export function go(to: Place, replace = false) {
	if (replace) history.replaceState(null, "", href(to));
	else history.pushState(null, "", href(to));
	arrive();
}

/* For an element that leads there. */
export const leadingTo = (to: () => Place) => nearing(() => questionsAt(to()));

/* An inner link: the browser still opens it in a tab of its own when asked to. */
export function follow(e: MouseEvent) {
	const a = e.currentTarget as HTMLAnchorElement;
	if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
	e.preventDefault();
	go(Object.fromEntries(new URLSearchParams(a.search)));
}
