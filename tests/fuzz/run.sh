#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# Run every fuzzer for FUZZ_SECONDS (60) from its corpus: tests/fuzz/run.sh [NAME…]. The corpus is
# copied first: nothing is written into the repository. A crash's input is kept under $BUILD/fuzz.
set -uo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
FUZZ_SECONDS=${FUZZ_SECONDS:-60}
failed=0 ran=0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fuzz() { # NAME
	local corpus=$work/$1 log=$work/$1.log executed
	mkdir -p "$corpus"
	cp -r "tests/fuzz/corpus/${1#fuzz_}/." "$corpus/" 2>/dev/null
	if "$BUILD/fuzz/$1" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
		-artifact_prefix="$BUILD/fuzz/$1-" -print_final_stats=1 "$corpus" >"$log" 2>&1; then
		executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		printf '  %-8s %s (%s inputs in %s s)\n' ok "$1" "${executed:-?}" "$FUZZ_SECONDS"
	else
		printf '  %-8s %s\n' FAILED "$1"
		tail -n 40 "$log"
		failed=1
	fi
	ran=$((ran + 1))
}

if [ $# = 0 ]; then
	for f in tests/fuzz/fuzz_*.c; do
		set -- "$@" "$(basename "$f" .c)"
	done
fi
for name in "$@"; do
	[ -x "$BUILD/fuzz/$name" ] || { echo "  FAILED   $name: not built (make fuzz)" && failed=1 && continue; }
	fuzz "$name"
done
echo "$ran fuzzers, $([ $failed = 0 ] && echo all clean || echo some failed)"
exit $failed
