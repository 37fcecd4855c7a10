#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# All benches: bench/run.sh [hotpath|veth|cost|connections|signals|collector|decode|exporters|agents|
# sinks|page]… (default: all). Tables on
# stdout, JSON lines in $BUILD/bench/results.json. PEER='file.o:program …' are measured beside ours.
# Everything runs in turn on one machine: compare ratios, not nanoseconds.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
export BUILD
[ "$(id -u)" = 0 ] || { echo "bench: needs root: sudo make bench" >&2 && exit 1; }
parts=("$@")
[ $# -gt 0 ] || parts=(hotpath veth cost connections signals collector decode exporters agents sinks page)
read -ra peers <<<"${PEER:-}"
results=$BUILD/bench/results.json
: >"$results"
rc=0

for part in "${parts[@]}"; do
	echo "bench: $part" >&2
	case $part in
	hotpath) "$BUILD/bench/hotpath" "${peers[@]}" ;;
	veth) bench/veth.py "${peers[@]}" ;;
	cost) bench/cost.py ;;
	connections) bench/connections.py ;;
	signals) bench/signals.py ;;
	collector) bench/collector.sh >&2 ;;
	decode) "$BUILD/bench/decode" >&2 ;;
	exporters) bench/exporters.py >&2 ;;
	sinks) bench/sinks.py >&2 && "$BUILD/bench/scrape" 1500 >&2 ;;
	agents) bench/agents.py >&2 ;;
	page) bench/page.py >&2 ;;
	*) echo "bench: no '$part'" >&2 && exit 2 ;;
	esac | grep '^{' >>"$results" || [[ $part =~ ^(collector|decode|exporters|agents|sinks|page)$ ]] || rc=1
done
bench/table.py <"$results"
exit $rc
