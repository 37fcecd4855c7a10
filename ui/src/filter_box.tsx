// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The filter: completion while it is written, and errors at their character (docs/filters.md). */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { apiUrl, ask, type FilterAnswer, type FilterWord } from "./api";
import { changed, go, place, view } from "./place";

const JOINING = ["and", "or", "not", "src", "dst", "in", "out"];
const CHECK_MS = 120;
const SHOWN = 10;

/* What is filtered in a view knows its own words. */
const SCOPES: Record<string, string> = {
	tcp: "connections",
	connection: "connections",
	drops: "drops",
};

interface Hints {
	start: number; /* of the word that is being written */
	words: string[];
}

/* Values behind a word that has names for them, else words that begin like what is there. */
function hintsFor(text: string, at: number, words: FilterWord[]): Hints {
	const [, before, begun] = /^(.*?)([\w./:-]*)$/s.exec(text.slice(0, at)) as string[];
	const previous = /([\w-]+)\s*[=[,\s]*$/.exec(before)?.[1]?.toLowerCase();
	const values = words.find((w) => w.word === previous)?.values ?? [];
	const all = values.length ? values : [...words.map((w) => w.word), ...JOINING];
	const low = begun.toLowerCase();
	const found = all.filter((w) => w.startsWith(low) && w !== low);

	return { start: before.length, words: begun || values.length ? found.slice(0, SHOWN) : [] };
}

function Fault({ text, error }: { text: string; error: FilterAnswer["error"] }) {
	if (!error) return null;
	const chars = [...text],
		at = Math.min(error.position, chars.length);
	return (
		<div class="fault" id="filter-error" role="alert">
			<code>
				{chars.slice(0, at).join("")}
				<mark>{chars[at] ?? " "}</mark>
				{chars.slice(at + 1).join("")}
			</code>
			<p>{error.message}</p>
		</div>
	);
}

export function FilterBox() {
	const input = useRef<HTMLInputElement>(null);
	const text = useSignal(place.value.filter ?? "");
	const at = useSignal(0);
	const chosen = useSignal(-1);
	const isOpen = useSignal(false);
	const answer = useSignal<FilterAnswer | null>(null);
	const checked = useSignal(""); /* the text that the answer is about */
	const scope = SCOPES[view.value] ?? "flows";
	const hints = useComputed(() => hintsFor(text.value, at.value, answer.value?.words ?? []));

	useEffect(() => {
		text.value = place.value.filter ?? "";
	}, [place.value.filter]);
	useEffect(() => {
		const stop = new AbortController();
		const timer = setTimeout(async () => {
			try {
				const asked = text.value;
				const came = await ask<FilterAnswer>(
					apiUrl("/v1/filter", { scope, filter: asked }),
					stop.signal,
				);
				checked.value = asked;
				answer.value = came;
			} catch {
				/* the views say what is wrong with the collector */
			}
		}, CHECK_MS);
		return () => {
			clearTimeout(timer);
			stop.abort();
		};
	}, [text.value, scope]);

	function take(word: string) {
		const rest = text.value.slice(at.value),
			start = hints.value.start;
		text.value = `${text.value.slice(0, start)}${word} ${rest.trimStart()}`;
		at.value = start + word.length + 1;
		chosen.value = -1;
		input.current?.focus();
		requestAnimationFrame(() => input.current?.setSelectionRange(at.value, at.value));
	}
	function key(e: KeyboardEvent) {
		const n = isOpen.value ? hints.value.words.length : 0;
		if (e.key === "ArrowDown" && n) chosen.value = (chosen.value + 1) % n;
		else if (e.key === "ArrowUp" && n) chosen.value = ((chosen.value + n) % (n + 1)) - 1;
		else if (e.key === "Escape") isOpen.value = false;
		else if ((e.key === "Enter" || e.key === "Tab") && n && chosen.value >= 0)
			take(hints.value.words[chosen.value]);
		else return;
		e.preventDefault();
	}
	const listed = isOpen.value ? hints.value.words : [];
	const error = checked.value === text.value ? (answer.value?.error ?? null) : null;
	const isBad = Boolean(error);
	return (
		<form
			class="filter"
			role="search"
			onSubmit={(e) => {
				e.preventDefault();
				isOpen.value = false;
				go(changed({ filter: text.value.trim(), offset: "" }));
			}}
		>
			<label for="filter">Filter</label>
			<input
				id="filter"
				ref={input}
				role="combobox"
				autocomplete="off"
				spellcheck={false}
				aria-expanded={listed.length > 0}
				aria-controls="filter-words"
				aria-invalid={isBad}
				aria-describedby={isBad ? "filter-error" : undefined}
				aria-activedescendant={
					chosen.value >= 0 ? `filter-word-${chosen.value}` : undefined
				}
				placeholder="dst port 443 and not src net 10.0.0.0/8"
				value={text.value}
				maxLength={4096}
				onKeyDown={key}
				onBlur={() => (isOpen.value = false)}
				onInput={(e) => {
					text.value = e.currentTarget.value;
					at.value = e.currentTarget.selectionStart ?? text.value.length;
					isOpen.value = true;
					chosen.value = -1;
				}}
			/>
			<button type="submit">Apply</button>
			{place.value.filter && (
				<button type="button" onClick={() => go(changed({ filter: "", offset: "" }))}>
					Clear
				</button>
			)}
			<ul id="filter-words" role="listbox" aria-label="Words" hidden={!listed.length}>
				{listed.map((w, i) => (
					<li
						id={`filter-word-${i}`}
						role="option"
						aria-selected={i === chosen.value}
						onMouseDown={(e) => {
							e.preventDefault();
							take(w);
						}}
					>
						{w}
					</li>
				))}
			</ul>
			<Fault text={text.value} error={error} />
		</form>
	);
}
