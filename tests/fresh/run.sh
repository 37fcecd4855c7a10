#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# The fresh machine: a new Debian 12 root that has git and make and nothing else of ours, in it a
# clone of HEAD, `make deps all test-unit` and `wiretally run --help`. tests/fresh/run.sh [TARGET…]
# makes other targets instead. Mirror, proxy, certificates and npm's registry are this machine's.
#
#   FRESH_CACHE  the base system and packages, kept (default ~/.cache/wiretally-fresh)
#   KEEP=1       leave the root behind, to look at
set -euo pipefail
cd "$(dirname "$0")/../.."
CHECKOUT=$PWD
CACHE=${FRESH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wiretally-fresh}
SUITE=bookworm
INSIDE=/root/wiretally
targets=("$@")
[ $# -gt 0 ] || targets=(deps all test-unit)

say() { echo "fresh: $*"; }
fail() { say "$*" >&2 && exit 1; }

[ "$(id -u)" = 0 ] || fail "needs root: sudo make fresh"
command -v debootstrap >/dev/null || fail "needs debootstrap"

mirror() { # the Debian mirror this machine installs from
	{
		sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources
		sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) [a-z-]* main.*/\2/p' /etc/apt/sources.list \
			/etc/apt/sources.list.d/*.list
	} 2>/dev/null | tr ' ' '\n' | grep '/debian/*$' | head -1 || true
}

# The base system changes rarely: it is made once and unpacked for each run.
make_base() {
	local dir=$CACHE/base.new
	[ -s "$CACHE/base.tar" ] && return 0
	say "making the base system"
	rm -rf "$dir"
	debootstrap --variant=minbase --include=git,make,ca-certificates \
		--cache-dir="$CACHE/archives" $SUITE "$dir" "$MIRROR" >"$CACHE/debootstrap.log" 2>&1 ||
		fail "debootstrap failed, see $CACHE/debootstrap.log"
	tar -C "$dir" -cf "$CACHE/base.tar.new" . && mv "$CACHE/base.tar.new" "$CACHE/base.tar"
	rm -rf "$dir"
}

# What lets this machine reach its mirror and registry lets the new one, too.
configure_root() {
	printf 'deb %s %s main\n' "$MIRROR" $SUITE "$MIRROR" $SUITE-updates >"$ROOT/etc/apt/sources.list"
	apt-config dump --format '%F "%v";%n' Acquire::http::Proxy Acquire::https::Proxy \
		>"$ROOT/etc/apt/apt.conf.d/90proxy" 2>/dev/null || true
	echo 'APT::Keep-Downloaded-Packages "true";' >"$ROOT/etc/apt/apt.conf.d/91keep"
	cat /etc/resolv.conf >"$ROOT/etc/resolv.conf"
	cat /etc/hosts >"$ROOT/etc/hosts"
	if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
		cp /usr/local/share/ca-certificates/*.crt "$ROOT/usr/local/share/ca-certificates/"
		chroot "$ROOT" update-ca-certificates >/dev/null 2>&1
	fi
}

# npm's settings as this user has them, but its files' paths; secrets stay where they are.
npm_environment() {
	local key value
	echo npm_config_cache=/var/cache/npm
	echo NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
	for key in http_proxy https_proxy no_proxy; do
		[ -z "${!key:-}" ] || echo "$key=${!key}"
	done
	command -v npm >/dev/null || return 0
	for key in registry proxy https-proxy noproxy strict-ssl; do
		value=$(npm config get "$key" 2>/dev/null) || continue
		case $value in '' | null | undefined) continue ;; esac
		echo "npm_config_${key//-/_}=$value"
	done
}

# Runs as the first process of its own mount and pid namespaces: they unmount and kill for us.
enter() {
	mount -t proc -o nosuid,nodev,noexec proc "$ROOT/proc"
	mount -t sysfs -o ro,nosuid,nodev,noexec sys "$ROOT/sys"
	mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
	for d in null zero full random urandom tty; do
		touch "$ROOT/dev/$d" && mount --bind "/dev/$d" "$ROOT/dev/$d"
	done
	mkdir "$ROOT/dev/shm" && mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
	ln -s /proc/self/fd "$ROOT/dev/fd"
	mkdir -p "$ROOT/mnt/checkout" "$ROOT/var/cache/npm"
	mount --bind -o ro "$CHECKOUT" "$ROOT/mnt/checkout"
	mount --bind "$CACHE/archives" "$ROOT/var/cache/apt/archives"
	mount --bind "$CACHE/npm" "$ROOT/var/cache/npm"
	exec chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
		"${npm_env[@]}" /bin/bash -euc "
			git -c safe.directory='*' clone -q /mnt/checkout $INSIDE
			cd $INSIDE
			make --no-print-directory ${targets[*]}
			if [ -x build/bin/wiretally ]; then build/bin/wiretally run --help; fi"
}

if [ "${1:-}" = --enter ]; then
	ROOT=$2 MIRROR="" && shift 2
	targets=("$@")
	mapfile -t npm_env <"$CACHE/npm.env"
	enter
fi

git diff --quiet HEAD || say "note: HEAD is tested, your uncommitted changes are not"
MIRROR=$(mirror)
[ -n "$MIRROR" ] || fail "found no Debian mirror in /etc/apt"
mkdir -p "$CACHE/archives/partial" "$CACHE/npm"
make_base
ROOT=$(mktemp -d "$CACHE/root.XXXXXX")
cleanup() {
	# The mounts are gone with their namespace; one file system: nothing else can be hit.
	if [ "${KEEP:-0}" = 1 ]; then
		say "root left in $ROOT"
	else
		rm -rf --one-file-system "$ROOT"
	fi
}
trap cleanup EXIT
tar -C "$ROOT" -xf "$CACHE/base.tar"
configure_root
npm_environment >"$CACHE/npm.env"
say "make ${targets[*]} in a new $SUITE"
FRESH_CACHE=$CACHE unshare --mount --propagation private --pid --fork --kill-child \
	"$CHECKOUT/tests/fresh/run.sh" --enter "$ROOT" "${targets[@]}"
say "ok"
