# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# The rig of namespace tests for shell scripts; rig.py is the one with more in it. Source it first:
#
#   . "$(dirname "$0")/lib.sh"
#   ns_new a; ns_new b; veth_new a v0 b v1
#   collector_start; agent_start b --hook tcx -i v1
#   in_ns a "$TOOLS/flood" --dev v0 --packets 1000
#   agent_stop && wiretally audit
#
# Names are short ('a'): each script's own are told apart by its pid. Everything goes at exit.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
BUILD=$(realpath "${BUILD:-build}")
BIN=$BUILD/bin TOOLS=$BUILD/tests/tools
LISTEN=127.0.0.1:9101
READY_SECONDS=30

skip() { echo "$*" && exit 77; }
fail() { echo "FAILED: $*" && exit 1; }
need() { for p in "$@"; do command -v "$p" >/dev/null || skip "needs $p"; done; }
equal() { [ "$1" = "$2" ] || fail "$3: got '$1', want '$2'"; } # GOT WANT WHAT

[ "$(id -u)" = 0 ] || skip "needs root"
# Once more, in a mount namespace of our own.
if [ -z "${WT_TEST_MOUNTS:-}" ]; then
	WT_TEST_MOUNTS=1 exec unshare -m --propagation private "$(realpath "$0")" "$@"
fi
unset WT_TEST_MOUNTS

TMP=$(mktemp -d -t wiretally-test.XXXXXX)
chmod 755 "$TMP"
mkdir "$TMP/bpf"
mount -t bpf bpf "$TMP/bpf"
namespaces=() pids=()
AGENT_PID="" COLLECTOR_PID=""

cleanup() {
	local rc=$? log
	trap - EXIT
	for p in "${pids[@]}"; do kill -KILL "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
	if [ $rc != 0 ] && [ $rc != 77 ]; then
		for log in "$TMP"/*.log; do
			[ -s "$log" ] && echo "--- $(basename "$log")" && tail -n 40 "$log"
		done
	fi
	for n in "${namespaces[@]}"; do ip netns del "$n"; done
	umount "$TMP/bpf"
	rm -rf "$TMP"
	exit $rc
}
trap cleanup EXIT
trap 'exit 1' INT TERM

ns_name() { echo "wt$$$1"; }
in_ns() { # NAME COMMAND…
	local n
	n=$(ns_name "$1") && shift
	ip netns exec "$n" "$@"
}

ns_new() { # NAME [ipv6]
	ip netns add "$(ns_name "$1")"
	namespaces+=("$(ns_name "$1")")
	for scope in all default; do
		in_ns "$1" sysctl -qw "net.ipv6.conf.$scope.disable_ipv6=$([ "${2:-}" = ipv6 ] && echo 0 || echo 1)" \
			"net.ipv6.conf.$scope.accept_dad=0" "net.ipv6.conf.$scope.router_solicitations=0"
	done
	in_ns "$1" ip link set lo up
}

veth_new() { # NAME DEV NAME DEV [MTU]: up at both ends, GRO on
	in_ns "$1" ip link add "$2" mtu "${5:-1500}" type veth \
		peer name "$4" mtu "${5:-1500}" netns "$(ns_name "$3")"
	in_ns "$1" ip link set "$2" up && in_ns "$3" ip link set "$4" up
	# GRO once they are up: only then NAPI starts with it.
	in_ns "$1" ethtool -K "$2" gro on && in_ns "$3" ethtool -K "$4" gro on
	wait_until in_ns_has "$1" "$2" LOWER_UP && wait_until in_ns_has "$3" "$4" LOWER_UP
}

in_ns_has() { in_ns "$1" ip link show dev "$2" | grep -q "$3"; } # NAME DEV FLAG

wait_until() { # COMMAND…: until it succeeds; the pause only spares the CPU
	local end=$((SECONDS + READY_SECONDS))
	until "$@"; do
		[ $SECONDS -lt $end ] || fail "not within $READY_SECONDS s: $*"
		sleep 0.02
	done
}

# start_ready LOG COMMAND…: in the background with --ready-fd, until it has written there; its pid
# is left in STARTED.
start_ready() {
	local log=$TMP/$1.log fifo=$TMP/ready.$RANDOM byte=""
	shift
	mkfifo "$fifo"
	exec 8<>"$fifo"
	"$@" --ready-fd 8 >>"$log" 2>&1 </dev/null &
	STARTED=$!
	pids+=("$STARTED")
	until read -r -t 0.1 -n 1 -u 8 byte || [ -n "$byte" ]; do
		kill -0 "$STARTED" 2>/dev/null || fail "ended at start: $*"
		[ $((READY_SECONDS * 10)) -gt $((waited = ${waited:-0} + 1)) ] || fail "not ready: $*"
	done
	waited=0
	exec 8>&-
	rm -f "$fifo"
}

collector_start() { # [OPTION…]: in a namespace of its own
	[[ " ${namespaces[*]:-} " == *" $(ns_name c) "* ]] || ns_new c
	mkdir -p "$TMP/data"
	start_ready collector ip netns exec "$(ns_name c)" "$BIN/wiretally-collector" \
		--data "$TMP/data" --listen $LISTEN --socket "$TMP/collector.sock" "$@"
	COLLECTOR_PID=$STARTED
}

agent_start() { # NAME [OPTION…]
	local n
	n=$(ns_name "$1") && shift
	mkdir -p "$TMP/run"
	start_ready agent ip netns exec "$n" "$BIN/wiretally-agent" \
		--collector "unix:$TMP/collector.sock" --status-socket "$TMP/run/status.sock" \
		--run-dir "$TMP/run" --agent-id test-agent --pin none "$@"
	AGENT_PID=$STARTED
}

stop() { # PID: SIGTERM, and its exit code
	kill -TERM "$1"
	wait "$1"
}
agent_stop() { stop "$AGENT_PID"; }
collector_stop() { stop "$COLLECTOR_PID"; }

wiretally() { # ARG…: against this test's collector
	in_ns c "$BIN/wiretally" "$@" --url "http://$LISTEN"
}
