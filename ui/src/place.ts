// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Where we are: all of it is in the address, so that every view can be sent to somebody else. */
import { computed, signal } from "@preact/signals";

export const VIEWS = ["overview", "topology", "explore", "tcp", "drops"] as const;
export type View = (typeof VIEWS)[number] | "connection";

/* What is in the address, by name. */
export type Place = Record<string, string>;

function read(): Place {
	return Object.fromEntries(new URLSearchParams(location.search));
}

export const place = signal<Place>(read());
addEventListener("popstate", () => (place.value = read()));

export const view = computed<View>(() => {
	const name = place.value.view as View;
	return name === "connection" || (VIEWS as readonly string[]).includes(name) ? name : "overview";
});

export function href(to: Place): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(to)) if (value) query.set(name, value);
	const text = query.toString();
	return text ? `/?${text}` : "/";
}

/* The place with some of it changed; "" takes a name out. */
export function changed(changes: Place): Place {
	return { ...place.value, ...changes };
}

/* Another view of the same time and filter. */
export function elsewhere(name: View, changes: Place = {}): Place {
	const { last = "", from = "", to = "", filter = "" } = place.value;
	return { view: name, last, from, to, filter, ...changes };
}

export function go(to: Place, replace = false) {
	const address = href(to);
	if (replace) history.replaceState(null, "", address);
	else history.pushState(null, "", address);
	place.value = read();
}

/* An inner link: the browser still opens it in a tab of its own when asked to. */
export function follow(e: MouseEvent) {
	const a = e.currentTarget as HTMLAnchorElement;
	if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
	e.preventDefault();
	go(Object.fromEntries(new URLSearchParams(a.search)));
}
