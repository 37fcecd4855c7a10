// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Rows as a table: sorted and paged by who asks for them. Of many rows only those in sight are in
 * the document.
 */
import type { ComponentChildren } from "preact";
import type { Nearing } from "./ahead";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

const ROW_PX = 29;
const WHOLE = 200; /* rows that are simply there */
const SIGHT = 60;
const FIRST = 25; /* are drawn at once, the others when those are on the screen */

export interface Column<R> {
	name: string; /* of its sorting, too */
	label: string;
	isNumber?: boolean;
	canSort?: boolean;
	title?: (row: R) => string;
	cell: (row: R) => ComponentChildren;
}

interface Props<R> {
	label: string;
	columns: Column<R>[];
	rows: R[];
	sorted?: string;
	onSort?: (name: string) => void;
	nearSort?: (name: string) => Nearing; /* when the pointer is about to */
	empty?: string;
}

function Head<R>({ columns, sorted, onSort, nearSort }: Props<R>) {
	return (
		<tr>
			{columns.map((c) => (
				<th
					scope="col"
					class={c.isNumber ? "number" : ""}
					aria-sort={c.name === sorted ? "descending" : undefined}
				>
					{c.canSort && onSort ? (
						<button onClick={() => onSort(c.name)} {...nearSort?.(c.name)}>
							{c.label}
							{c.name === sorted ? " ▾" : ""}
						</button>
					) : (
						c.label
					)}
				</th>
			))}
		</tr>
	);
}

export function Table<R>(p: Props<R>) {
	const top = useSignal(0);
	const isDrawn = useSignal(false);
	const isWhole = p.rows.length <= WHOLE;
	const from = isWhole ? 0 : Math.max(0, Math.floor(top.value / ROW_PX) - 10);
	const most = isDrawn.value ? (isWhole ? WHOLE : SIGHT) : FIRST;
	const to = Math.min(p.rows.length, from + most);

	useEffect(() => {
		if (p.rows.length) isDrawn.value = true;
	}, [p.rows.length > 0]);

	if (!p.rows.length) return <p class="muted">{p.empty ?? "nothing in this time"}</p>;
	return (
		<div
			class={isWhole ? "scroll" : "scroll tall"}
			tabIndex={0}
			role="region"
			aria-label={p.label}
			onScroll={(e) => (top.value = e.currentTarget.scrollTop)}
		>
			<table aria-rowcount={p.rows.length}>
				<caption class="hidden">{p.label}</caption>
				<thead>
					<Head {...p} />
				</thead>
				<tbody>
					{from > 0 && <tr aria-hidden="true" style={{ height: `${from * ROW_PX}px` }} />}
					{p.rows.slice(from, to).map((row, i) => (
						<tr key={from + i} aria-rowindex={from + i + 1}>
							{p.columns.map((c) => (
								<td
									class={c.isNumber ? "number" : ""}
									data-column={c.name}
									title={c.title?.(row)}
								>
									{c.cell(row)}
								</td>
							))}
						</tr>
					))}
					{to < p.rows.length && (
						<tr
							aria-hidden="true"
							style={{ height: `${(p.rows.length - to) * ROW_PX}px` }}
						/>
					)}
				</tbody>
			</table>
		</div>
	);
}
