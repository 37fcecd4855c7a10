/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What is asked of the compiler where a row costs nanoseconds. */
#ifndef WT_COMPILER_H
#define WT_COMPILER_H

/* Loops that are worth vectors, which -O2 makes of the simplest alone. */
#if defined(__GNUC__) && !defined(__clang__)
#define HOT __attribute__((optimize("O3")))
#else
#define HOT
#endif

/* So that arguments that are constants are so within. */
#define INLINE static inline __attribute__((always_inline))

#endif
