#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# CPU seconds of the collector per million flow rows, from POST to committed: collector.sh [ROWS]
# ROWS (4000000) go in batches of 16384, each with its ledger. Prints one line; needs what make
# all build-tests makes.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
rows=${1:-4000000}
batch=16384
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; rm -rf "$dir"' EXIT

mkfifo "$dir/ready"
"$BUILD/bin/wiretally-collector" --data "$dir/data" --socket "$dir/run/collector.sock" \
	--listen 127.0.0.1:0 --max-disk 100G --ready-fd 3 3>"$dir/ready" 2>"$dir/log" &
pid=$!
read -r _ <"$dir/ready"
url=http://localhost

get() { curl -sS --fail --unix-socket "$dir/run/collector.sock" "$url$1"; }
metric() { get /metrics | sed -n "s/^wiretally_collector_$1 //p"; }

# Encoded before, so that only the collector works while we look.
before=$(metric cpu_seconds_total)
started=$(date +%s%N)
"$BUILD/tests/tools/batchgen" --socket "$dir/run/collector.sock" --rows $batch \
	--batches $((rows / batch)) --interfaces 4 --quiet --retry
until get '/v1/status?fresh=1' >"$dir/status" 2>/dev/null; do :; done
ended=$(date +%s%N)
after=$(metric cpu_seconds_total)
stored=$(jq .store.rows "$dir/status")
[ "$stored" = $((rows / batch * batch)) ] || {
	echo "bench/collector: $stored rows are stored, $((rows / batch * batch)) were acknowledged" >&2
	exit 1
}
jq -rn --argjson cpu "$(bc -l <<<"$after - $before")" --argjson rows "$stored" \
	--argjson ns $((ended - started)) --argjson bytes "$(jq .store.bytes "$dir/status")" \
	--argjson peak "$(metric max_resident_bytes)" \
	'"collector: \($rows) rows: \($cpu / $rows * 1e6 * 1000 | round / 1000) CPU s per million rows, "
	+ "\($rows / $ns * 1e9 | round) rows/s, \($bytes / $rows * 10 | round / 10) bytes a row, "
	+ "peak memory \($peak / 1048576 | round) MiB"'
