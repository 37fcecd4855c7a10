#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# Install what is missing to build and test wiretally on Debian 12: deps.sh
# [build|vm|fresh|duckdb]; build leaves the tests' packages out, vm adds what boots other kernels,
# fresh is what makes a new Debian root. Says nothing and touches nothing
# when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}

# Pinned: the library and its header are one release line; npm checks nothing for us, so we do.
DUCKDB_VERSION=1.4.4
DUCKDB_HEADER="duckdb@1.4.4 sha512-hEJJ5hyVF0VLj3dmOLpsWrQR0b3d4Ykqtygm6iUXjHJDDnSqg/USKxcb5qvNrOhFYPgktayU6dXCtgPqcmmpog=="
DUCKDB_X86_64="@duckdb/node-bindings-linux-x64@1.4.4-r.1 sha512-fjYNc+t4/T7mhzZ57oJoIQaWvbYVvxhidcNNansQFiWnd6/JMLCULd4qnt8XI3Tt2BrZsraH690KSBIS3QPt0w=="
KAFKAJS="kafkajs@2.2.4 sha512-j/YeapB1vfPT2iOIUn/vxdyKEuhuY2PxMBvf5JWux6iSaukAccrMtXEY/Lb7OvavDhOWME589bpLrEdnVHjfjA=="
PLAYWRIGHT="playwright-core@1.56.1 sha512-hutraynyn31F+Bifme+Ps9Vq59hKuUCz7H1kDOcBs+2oGguKkWTU50bBWrtz34OUWmIwpBTWDxaRPXrIXkgvmQ=="
AXE="axe-core@4.14.1 sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
DUCKDB_AARCH64="@duckdb/node-bindings-linux-arm64@1.4.4-r.1 sha512-wq92/EcTiOTRW1RSDOwjeLyMMXWwNVNwU21TQdfu3sgS86+Ih3raaK68leDgY5cWgf72We3J2W7HYz8GwxcMYw=="

BUILD_PACKAGES="gcc libc6-dev clang-19 llvm-19 libelf-dev zlib1g-dev libxdp-dev libprotobuf-c-dev
	protobuf-c-compiler protobuf-compiler libcurl4-openssl-dev libmicrohttpd-dev libgnutls28-dev libjansson-dev librdkafka-dev libyaml-dev
	libzstd-dev libcap-dev libncurses-dev pkg-config linux-libc-dev ca-certificates"
BACKPORTS="libbpf-dev bpftool opentelemetry-proto" # tcx needs libbpf 1.4; Debian 12 itself has 1.1
TEST_PACKAGES="libcriterion-dev libclang-rt-19-dev clang-format-19 cppcheck python3 python3-scapy iproute2
	ethtool curl jq iputils-ping faketime iperf3 tcpdump tcpreplay tshark nfdump nfdump-sflow softflowd pmacct prometheus kcat nftables openssl procps chromium fonts-dejavu-core tmux"
VM_PACKAGES="qemu-system-x86 busybox-static dash bash cpio kmod lz4 zstd xz-utils"

installed() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

missing() {
	for p in "$@"; do
		installed "$p" || printf '%s ' "$p"
	done
}

as_root() {
	[ "$(id -u)" = 0 ] || {
		echo "deps: missing:$* - run as root (sudo make deps)" >&2
		exit 1
	}
}

# The backports suite, from the mirror this machine already uses.
enable_backports() {
	apt-cache policy 2>/dev/null | grep -q "n=bookworm-backports" && return 0
	local uri list=/etc/apt/sources.list.d/bookworm-backports.list
	uri=$({ sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources
		sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) bookworm main.*/\2/p' /etc/apt/sources.list
	} 2>/dev/null | tr ' ' '\n' | grep '/debian/*$' | head -1) || true
	[ -n "$uri" ] || {
		echo "deps: found no Debian 12 mirror in /etc/apt to take backports from" >&2
		exit 1
	}
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri bookworm-backports main" >"$list"
}

libbpf_is_new() { dpkg --compare-versions "$(dpkg-query -W -f='${Version}' libbpf-dev 2>/dev/null || echo 0)" ge 1:1.4; }

# Daemons that come with test packages (prometheus, nfdump) are for tests to start, not for boot.
start_no_daemons() {
	[ -e /usr/sbin/policy-rc.d ] && return 0
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}

install_packages() { # TEST-PACKAGES
	local want backports=""
	# shellcheck disable=SC2086
	want=$(missing $BUILD_PACKAGES $1)
	if ! libbpf_is_new || ! installed bpftool || ! installed opentelemetry-proto; then
		backports=$BACKPORTS
	fi
	[ -n "$want$backports" ] || return 0
	as_root " $want$backports"
	echo "deps: installing $want$backports"
	export DEBIAN_FRONTEND=noninteractive
	start_no_daemons
	[ -z "$backports" ] || enable_backports
	apt-get update -qq
	# shellcheck disable=SC2086
	[ -z "$backports" ] || apt-get install -qq -y --no-install-recommends -t bookworm-backports $backports
	# shellcheck disable=SC2086
	[ -z "$want" ] || apt-get install -qq -y --no-install-recommends $want
}

# fetch_npm NAME@VERSION INTEGRITY FILE-IN-PACKAGE DIR [whole]: one file of a package (or all of it, in
# DIR/package), hash checked first
fetch_npm() {
	local tgz sum
	tgz=$(cd "$4" && npm pack --silent "$1" 2>/dev/null | tail -1)
	sum=sha512-$(openssl dgst -sha512 -binary "$4/$tgz" | base64 -w0)
	[ "$sum" = "$2" ] || {
		echo "deps: $1: integrity is $sum, want $2" >&2
		exit 1
	}
	if [ "${5:-}" = whole ]; then
		tar -xzf "$4/$tgz" -C "$4"
	else
		tar -xzf "$4/$tgz" -C "$4" --strip-components="$(tr -cd / <<<"package/$3" | wc -c)" "package/$3"
	fi
	rm -f "$4/$tgz"
}

install_duckdb() {
	local dir=$BUILD/deps/duckdb lib
	[ "$(cat "$dir/version" 2>/dev/null)" = "$DUCKDB_VERSION" ] && [ -s "$dir/libduckdb.so" ] && return 0
	case $(uname -m) in
	x86_64) lib=$DUCKDB_X86_64 ;;
	aarch64) lib=$DUCKDB_AARCH64 ;;
	*) echo "deps: no DuckDB library for $(uname -m)" >&2 && exit 1 ;;
	esac
	command -v npm >/dev/null && command -v openssl >/dev/null || {
		as_root " npm openssl"
		echo "deps: installing npm, to fetch DuckDB's library"
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends npm openssl
	}
	echo "deps: fetching DuckDB $DUCKDB_VERSION"
	mkdir -p "$dir"
	# shellcheck disable=SC2086
	fetch_npm $DUCKDB_HEADER src/duckdb/src/include/duckdb.h "$dir"
	# shellcheck disable=SC2086
	fetch_npm $lib libduckdb.so "$dir"
	echo "$DUCKDB_VERSION" >"$dir/version"
}

# A receiver of OTLP for tests: Debian 13's, which runs on 12. Started by the test alone.
install_victoria() (
	dir=$PWD/$BUILD/deps/victoria-metrics suite=trixie APT=$PWD/$BUILD/deps/apt-trixie
	[ -x "$dir/victoria-metrics" ] && return 0
	fail() { echo "deps: victoria-metrics: $1" >&2 && exit 1; }
	echo "deps: fetching victoria-metrics from Debian 13"
	. deploy/suite.sh
	configure_apt
	apt-get -qq update && cd "$APT/debs" && apt-get -qq download victoria-metrics ||
		fail "cannot be fetched"
	mkdir -p "$dir" && dpkg-deb -x "$APT"/debs/victoria-metrics_*.deb "$dir/x"
	mv "$dir"/x/usr/bin/victoria-metrics "$dir" && rm -rf "$dir/x" "$APT"
)

# What tests run in Node: a client of Kafka that is not librdkafka; what drives a browser; what looks
# at a page as a screen reader does.
install_whole() { # NAME NAME@VERSION INTEGRITY
	local dir=$BUILD/deps/$1
	[ -s "$dir/package/package.json" ] && return 0
	echo "deps: fetching $1"
	mkdir -p "$dir"
	fetch_npm "$2" "$3" package "$dir" whole
}

install_peers() {
	install_victoria
	# shellcheck disable=SC2086
	install_whole kafkajs $KAFKAJS
	# shellcheck disable=SC2086
	install_whole playwright-core $PLAYWRIGHT
	# shellcheck disable=SC2086
	install_whole axe-core $AXE
}

peers=install_peers
case ${1:-all} in
all) install_packages "$TEST_PACKAGES" ;;
build) install_packages "" && peers=: ;;
vm) install_packages "$TEST_PACKAGES $VM_PACKAGES" ;;
fresh) install_packages debootstrap && peers=: ;;
duckdb) peers=: ;;
*) echo "usage: deps.sh [build|vm|fresh|duckdb]" >&2 && exit 2 ;;
esac
install_duckdb
$peers
