// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The time that a place looks at, as arguments of a question. */
import type { Args } from "./api";

export function rangeArgsOf(at: Record<string, string>): Args {
	return at.from ? { from: at.from, to: at.to } : { last: at.last || "1h" };
}
