#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# The house's rules: tests/check/run.sh [PATH…] (default: the whole tree). Everything it complains
# about is a line 'file:line: what'; it ends with 'check: ok' or exits 1.
set -uo pipefail
exec 2>&1
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
CPPCHECK_SECONDS=${CPPCHECK_SECONDS:-600}
failed=0

complain() { # WHAT, after a step that failed
	echo "check: $1"
	failed=1
}

# What git knows or would add, still there.
mapfile -t files < <(git ls-files -co --exclude-standard -- "$@" | sort -u | while read -r f; do
	[ -f "$f" ] && echo "$f"
done)
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep -E '\.[ch]$')
mapfile -t user_c < <(printf '%s\n' "${sources[@]}" | grep -E '\.c$' | grep -v '\.bpf\.c$')

check_rules() {
	python3 tests/check/rules.py --self-test || return 1
	python3 tests/check/rules.py "${files[@]}"
}

check_format() {
	[ ${#sources[@]} -gt 0 ] || return 0
	# One complaint a line is enough; the three lines of context are noise.
	clang-format-19 --dry-run -Werror "${sources[@]}" 2>&1 | grep -a 'error:' |
		sed 's/error: code should be clang-formatted.*/not as clang-format-19 writes it (make format)/'
	[ "${PIPESTATUS[0]}" = 0 ]
}

check_scripts() {
	local f rc=0
	for f in "${files[@]}"; do
		case $(head -c 64 "$f" 2>/dev/null | tr -d '\0' | head -1) in
		'#!/bin/bash' | '#!/bin/sh') bash -n "$f" || rc=1 ;;
		'#!/usr/bin/env python3' | '#!/usr/bin/python3')
			python3 - "$f" <<-'PY' || rc=1
				import ast, sys
				try:
				    ast.parse(open(sys.argv[1]).read())
				except SyntaxError as e:
				    sys.exit(f"{sys.argv[1]}:{e.lineno}: {e.msg}")
			PY
			;;
		esac
	done
	return $rc
}

check_cppcheck() {
	[ ${#user_c[@]} -gt 0 ] || return 0
	local quiet=(unknownMacro resourceLeak memleak missingInclude missingIncludeSystem
		internalAstError autoVariables uninitvar readdirCalled getpwnamCalled getgrnamCalled strtokCalled)

	# Skeletons are objects as strings of megabytes: minutes of reading, and nothing of ours. So
	# headers are looked for in a root that has none.
	local root=$BUILD/cppcheck/root d
	mkdir -p "$root"
	for d in kern user tests bench vmtests; do
		ln -sfn "$PWD/$d" "$root/$d"
	done
	# Criterion's and libbpf's headers stay outside (they only cost time), so what their macros
	# make is unknown to cppcheck: no complaint about that. It does not understand AUTO(), TAKE()
	# nor who waits for whom; the compiler and `make asan` see leaks and what is not set. The *Called
	# rules want readdir_r(), which glibc calls obsolete.
	timeout "$CPPCHECK_SECONDS" cppcheck --quiet -j2 --std=c11 --language=c --error-exitcode=1 \
		--enable=warning,portability --inline-suppr --cppcheck-build-dir="$BUILD/cppcheck" \
		"${quiet[@]/#/--suppress=}" "-D__attribute__(x)=" \
		--library=posix --max-configs=1 -D_GNU_SOURCE -D__x86_64__ -D__linux__ \
		-DWT_PAGE='""' -DWT_VERSION='""' --template='{file}:{line}: {severity}: {message} [{id}]' \
		-I"$root" "${user_c[@]}" 2>&1 | sed "s#^$root/##" | tee "$BUILD/cppcheck/said"
	# what it finds across files does not show in its exit status
	[ "${PIPESTATUS[0]}" = 0 ] && [ ! -s "$BUILD/cppcheck/said" ]
}

# The page's sources: types, and as prettier writes them.
check_ui() {
	make -s ui/node_modules/.package-lock.json || return 1
	ui/node_modules/.bin/tsc -p ui &&
		ui/node_modules/.bin/prettier --config ui/.prettierrc.json --log-level warn --check \
			ui/src ui/build.mjs tests/ui
}

check_rules || complain "the rules above are broken"
check_format || complain "format differs: make format"
check_ui || complain "the page's sources: above, or make format"
check_scripts || complain "a script does not parse"
check_cppcheck || complain "cppcheck complains, or took longer than $CPPCHECK_SECONDS s"
[ $failed = 0 ] && echo "check: ok"
exit $failed
