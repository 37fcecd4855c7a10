#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# Builds an OpenTelemetry Collector from Debian's Go packages, which sid alone has, in a root of its own:
# some minutes, and 2 GB that are removed at the end. The binary is static: $BUILD/deps/otelcol.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=$PWD/${BUILD:-build}
root=${TMPDIR:-/var/tmp}/wiretally-otelcol
[ -x "$BUILD/deps/otelcol" ] && exit 0
[ "$(id -u)" = 0 ] || { echo "otelcol: needs root, to make a Debian root" >&2 && exit 1; }
deploy/deps.sh fresh

clean() {
	umount "$root/proc" 2>/dev/null || true
	rm -rf --one-file-system "$root"
}
suite=sid
# shellcheck source=deploy/suite.sh
. deploy/suite.sh
trap clean EXIT
clean
echo "otelcol: a root of Debian sid"
debootstrap --variant=minbase --include=golang-go,golang-opentelemetry-collector-dev,ca-certificates sid \
	"$root" "$(mirror)" >"$BUILD/otelcol.log" 2>&1 || { tail -5 "$BUILD/otelcol.log" >&2 && exit 1; }
mount -t proc proc "$root/proc"
mkdir -p "$root/src/otelcol"
cp tests/otelcol/main.go "$root/src/otelcol/"
echo "otelcol: compiling"
chroot "$root" env HOME=/root GOPATH=/usr/share/gocode GO111MODULE=off GOFLAGS=-buildvcs=false \
	CGO_ENABLED=0 sh -c 'cd /src/otelcol && go build -o /otelcol main.go' ||
	exit 1
mv "$root/otelcol" "$BUILD/deps/otelcol"
