// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What is said instead of an answer, or beside it. */
import type { Answer } from "./use_api";
import type { ComponentChildren } from "preact";

/* An error of the filter is said at the filter. */
export function Failure({ of }: { of: Answer<unknown> }) {
	if (!of.error || of.error.parameter === "filter") return null;
	return (
		<p class="error" role="alert">
			{of.error.message}
		</p>
	);
}

/* A part of a view: its heading, whether it is being asked for, and what went wrong. */
export function Panel({
	title,
	of,
	children,
	wide,
	aside,
}: {
	title: string;
	of?: Answer<unknown>;
	children: ComponentChildren;
	wide?: boolean;
	aside?: ComponentChildren;
}) {
	const isWaiting = of?.isLoading && !of.data;
	return (
		<section class={wide ? "panel wide" : "panel"} aria-busy={isWaiting}>
			<header>
				<h2>{title}</h2>
				{of?.isLoading && of.data && <span class="muted">asking …</span>}
				{aside}
			</header>
			{of && <Failure of={of} />}
			{isWaiting ? <p class="muted">asking …</p> : children}
		</section>
	);
}
