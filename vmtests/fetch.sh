#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# fetch.sh LINE: the newest Debian cloud kernel of that line (5.10, 6.1, 6.12, newest) into the
# cache, its directory on stdout: vmlinux, vmlinuz, mods/ (what belongs under lib/modules/VERSION/
# kernel). apt downloads it, with the signatures and checksums it always checks, but with lists and
# state of its own: the machine's apt is only read, for its mirror and proxy, and root is not needed.
# Without a network the kernel fetched last is taken, and said so. The cache: $WIRETALLY_CACHE.
set -euo pipefail
CACHE=${WIRETALLY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wiretally}/kernels
HERE=$(cd "$(dirname "$0")" && pwd)
[ "$(uname -m)" = x86_64 ] || { echo "fetch: only x86-64 kernels are known to work here" >&2 && exit 1; }

line=${1:?usage: fetch.sh LINE}
case $line in
5.10) suite=bullseye-security ;;
6.1) suite=bookworm-security ;;
6.12) suite=trixie-security ;;
newest) suite=trixie-backports ;;
*) echo "fetch: no kernel line '$line'" >&2 && exit 2 ;;
esac
APT=$CACHE/apt-$suite
last=$CACHE/line-$line # symlink to what was fetched last

fail() { # WHY: take the last one, if there is one
	if [ -s "$last/vmlinux" ]; then
		echo "fetch: $line: $1; taking the cached $(basename "$(readlink -f "$last")")" >&2
		readlink -f "$last"
		exit 0
	fi
	echo "fetch: $line: $1, and none is in the cache" >&2
	exit 1
}

# shellcheck source=deploy/suite.sh
. "$HERE/../deploy/suite.sh"

depends() { # PACKAGE: names it depends on, one a line
	apt-cache show "$1" 2>/dev/null | sed -n 's/^Depends: //p' | head -1 | tr ',|' '\n\n' |
		sed 's/(.*//; s/ //g'
}

unpack() { # DIRECTORY: what apt put into $APT/debs
	local to=$1 deb
	rm -rf "$to" "$to.new" && mkdir -p "$to.new/x"
	for deb in "$APT"/debs/*.deb; do
		dpkg-deb -x "$deb" "$to.new/x"
	done
	mv "$(find "$to.new/x" -name 'vmlinuz*' -type f | head -1)" "$to.new/vmlinuz"
	mv "$(find "$to.new/x" -type d -path "*modules/$version/kernel" | head -1)" "$to.new/mods-kernel"
	mkdir -p "$to.new/mods" && mv "$to.new/mods-kernel" "$to.new/mods/kernel"
	find "$to.new/x" -name 'modules.*' -type f -exec mv -t "$to.new/mods" {} +
	rm -rf "$to.new/x"
	python3 "$HERE/vmlinux.py" "$to.new/vmlinuz" "$to.new/vmlinux"
	mv "$to.new" "$to"
}

mkdir -p "$CACHE"
exec 9>"$CACHE/lock" && flock 9
configure_apt
apt-get -qq update >"$APT/log" 2>&1 || fail "$suite cannot be read: $(grep -v '^ ' "$APT/log" | tail -1)"
image=$(depends linux-image-cloud-amd64 | grep '^linux-image-' | head -1) || true
[ -n "$image" ] || fail "$suite has no linux-image-cloud-amd64"
version=${image#linux-image-}
if [ ! -s "$CACHE/$version/vmlinux" ]; then
	# From 6.19 on the image is an empty package that depends on these.
	packages="$image $(depends "$image" | grep -xF -e "linux-base-$version" \
		-e "linux-binary-$version" -e "linux-modules-$version" | tr '\n' ' ' || true)"
	echo "fetch: $line: $packages" >&2
	rm -f "$APT"/debs/*.deb
	# shellcheck disable=SC2086
	(cd "$APT/debs" && apt-get -qq download $packages) >"$APT/log" 2>&1 ||
		fail "cannot fetch $image: $(tail -1 "$APT/log")"
	unpack "$CACHE/$version" >&2 || fail "cannot unpack $image"
	rm -f "$APT"/debs/*.deb
fi
ln -sfn "$version" "$last"
echo "$CACHE/$version"
