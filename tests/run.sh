#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# Run the tests that are built: tests/run.sh [--unit] [PATTERN]. PATTERN is a grep -E on the path.
# Criterion programs count their own cases; a script under tests/net is one case: exit 0 passes,
# 77 skips (and its last line says why), anything else fails. Ends with 'N passed, N failed, …'.
# Scripts with a line '# beside others: WHY' run two at a time, before those that watch the host.
set -uo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
unit_only=0
[ "${1:-}" = --unit ] && unit_only=1 && shift
pattern=${1:-.}
logs=$BUILD/test-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0

run_criterion() { # PROGRAM
	local name=${1#"$BUILD"/} log out p f
	log=$logs/${name//\//_}.log
	"$1" -j2 --timeout 120 >"$log" 2>&1
	out=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -a 'Synthesis:' | tail -1)
	p=$(sed -n 's/.*Passing: *\([0-9]*\).*/\1/p' <<<"$out")
	f=$(sed -n 's/.*Failing: *\([0-9]*\) .*Crashing: *\([0-9]*\).*/\1 \2/p' <<<"$out")
	f=$((${f/ /+}))
	if [ -z "$p" ]; then
		p=0 f=1
	fi
	passed=$((passed + p)) failed=$((failed + f))
	printf '  %-8s %s (%d)\n' "$([ $f = 0 ] && echo ok || echo FAILED)" "$name" "$p"
	[ $f = 0 ] || tail -n 60 "$log"
}

run_script() { # SCRIPT
	local log=$logs/${1//\//_}.log rc started=$SECONDS
	BUILD=$BUILD timeout -k 10 600 "$1" >"$log" 2>&1 </dev/null
	rc=$?
	count_script "$1" $rc $((SECONDS - started))
}

count_script() { # SCRIPT STATUS SECONDS
	local log=$logs/${1//\//_}.log rc=$2
	case $rc in
	0) passed=$((passed + 1)) && printf '  %-8s %s (%d s)\n' ok "$1" "$3" ;;
	77) skipped=$((skipped + 1)) && printf '  %-8s %s: %s\n' SKIP "$1" "$(tail -1 "$log")" ;;
	*) failed=$((failed + 1)) && printf '  %-8s %s (exit %d)\n' FAILED "$1" $rc && tail -n 60 "$log" ;;
	esac
}

# Two lanes; what came of each is said and counted when all have ended.
run_beside() { # SCRIPT…
	local t rc seconds
	[ $# -gt 0 ] || return 0
	# shellcheck disable=SC2016
	printf '%s\n' "$@" | BUILD=$BUILD LOGS=$logs xargs -P2 -I{} bash -c '
		log=$LOGS/$(tr / _ <<<"{}").log started=$SECONDS
		timeout -k 10 600 "{}" >"$log" 2>&1 </dev/null
		echo "$? $((SECONDS - started))" >"$log.status"'
	for t in "$@"; do
		read -r rc seconds <"$logs/${t//\//_}.log.status" || rc=1 seconds=0
		rm -f "$logs/${t//\//_}.log.status"
		count_script "$t" "$rc" "$seconds"
	done
}

for t in $(find tests/user tests/kern -name 'test_*.c' | sort); do
	grep -qE "$pattern" <<<"$t" || continue
	[ $unit_only = 1 ] && [[ $t == tests/kern/* ]] && continue
	run_criterion "$BUILD/${t%.c}"
done
if [ $unit_only = 0 ]; then
	[ "$(id -u)" = 0 ] || { echo "tests/net need root: sudo make test, or make test-unit" >&2 && exit 1; }
	beside=() alone=()
	for t in $(find tests/net -name 'test_*' -type f -perm -u+x | sort); do
		grep -qE "$pattern" <<<"$t" || continue
		if grep -q '^# beside others: ' "$t"; then beside+=("$t"); else alone+=("$t"); fi
	done
	run_beside "${beside[@]}"
	for t in "${alone[@]}"; do
		run_script "$t"
	done
fi
echo "$passed passed, $failed failed, $skipped skipped"
# CI's machine has all it takes: there a skip hides something.
[ -z "${CI:-}" ] || [ $skipped = 0 ] || exit 1
[ $failed = 0 ] && [ $passed -gt 0 ]
