#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# initramfs.sh base OUT: what every guest holds: programs of this machine with their libraries, what
#     was built, tests/net and vmtests, under the same paths below /wt as in the checkout.
# initramfs.sh kernel DIR OUT: one kernel's modules; DIR is what fetch.sh printed.
# Both are uncompressed cpio archives: a guest boots from the two, one behind the other.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
PATH=$PATH:/usr/sbin:/sbin
PROGRAMS="dash bash ip tc ss nft ethtool curl nstat ping bpftool"
MODULES="veth sch_ingress cls_bpf act_bpf sch_netem sch_tbf tcp_diag nf_tables nft_ct nft_counter nft_limit"
# What no test imports, and what would need more libraries.
NOT_PYTHON="test tests idlelib lib2to3 tkinter turtledemo ensurepip distutils pydoc_data unittest
	config-3* sqlite3 dbm curses venv xmlrpc wsgiref"
NOT_DYNLOAD="_ssl* _sqlite3* readline* _curses* _tkinter* _dbm* _gdbm* _test* _crypt*"

make_cpio() { # DIRECTORY OUT
	(cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) >"$2.new"
	mv "$2.new" "$2"
}

libraries() { # FILES…: every shared library they load, one a line; DuckDB's is copied elsewhere
	ldd "$@" 2>/dev/null | sed -n 's/^\t\(.* => \)\?\(\/[^ ]*\) (.*/\2/p' | grep -v '/libduckdb' | sort -u
}

copy_libraries() { # FILES…
	local lib
	libraries "$@" | while read -r lib; do
		[[ $lib == /usr/* ]] || lib=/usr$lib # merged
		[ -e "$root$lib" ] || install -D -m 755 "$lib" "$root$lib"
	done
}

copy_python() {
	local python lib name
	python=$(readlink -f /usr/bin/python3)
	lib=/usr/lib/$(basename "$python")
	install -m 755 "$python" "$root/usr/bin/python3"
	mkdir -p "$root/usr/lib" && cp -a "$lib" "$root/usr/lib/"
	for name in $NOT_PYTHON; do
		find "$root$lib" -maxdepth 1 -name "$name" -exec rm -rf {} +
	done
	for name in $NOT_DYNLOAD; do
		find "$root$lib/lib-dynload" -name "$name" -delete
	done
	programs+=("$python" "$root$lib"/lib-dynload/*.so)
}

copy_built() {
	local to=$root/wt f
	mkdir -p "$to/build/bin" "$to/build/tests/tools" "$to/build/vmtests" "$to/build/lib/wiretally" \
		"$to/tests" "$to/build/kern"
	cp "$BUILD"/bin/* "$to/build/bin/"
	cp "$BUILD"/deps/duckdb/libduckdb.so "$to/build/lib/wiretally/"
	for f in "$BUILD"/tests/tools/* "$BUILD"/vmtests/*; do
		[ -f "$f" ] && [[ ! $f == *.d ]] && { [[ $f == *.bpf.o ]] || [[ ! $f == *.o ]]; } || continue
		cp "$f" "$to/build/${f#"$BUILD"/}"
	done
	cp "$BUILD"/kern/*.bpf.o "$to/build/kern/"
	cp -r tests/net "$to/tests/net"
	cp -r vmtests "$to/vmtests"
	programs+=("$BUILD"/bin/* "$BUILD/deps/duckdb/libduckdb.so")
	# Symbols and DWARF are for people who debug; a guest's memory is small.
	find "$to/build" -type f -exec strip --strip-debug {} + 2>/dev/null || true
}

make_base() {
	local p path
	mkdir -p "$root"/{usr/bin,usr/lib,usr/lib64,proc,sys,dev,tmp,etc,run,mnt,var,root,wt}
	for p in bin sbin; do ln -s usr/bin "$root/$p"; done
	ln -s bin "$root/usr/sbin"
	ln -s usr/lib "$root/lib" && ln -s usr/lib64 "$root/lib64" && ln -s ../run "$root/var/run"
	cp "$(command -v busybox)" "$root/usr/bin/busybox"
	for p in $PROGRAMS; do
		path=$(command -v "$p") || { echo "initramfs: needs $p (make deps)" >&2 && exit 1; }
		install -m 755 "$path" "$root/usr/bin/$p"
		programs+=("$path")
	done
	ln -sf dash "$root/usr/bin/sh"
	# libxdp's dispatcher is an object of its own.
	path=$(libraries "$BUILD/bin/wiretally-agent" | grep '/libxdp' | head -1)
	path=$(dirname "$(readlink -f "$path")")/bpf
	mkdir -p "$root$path" && cp "$path"/*.o "$root$path/"
	cp /etc/protocols "$root/etc/" 2>/dev/null || true
	printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	echo '127.0.0.1 localhost' >"$root/etc/hosts"
	copy_python
	copy_built
	copy_libraries "${programs[@]}"
	install -m 755 vmtests/init "$root/init"
	make_cpio "$root" "$1"
}

make_kernel() { # DIR OUT
	local version tree=$root/tree lib m file
	version=$(basename "$1")
	# lib is a link in the other archive: what unpacks through it lands in usr/lib.
	lib=$root/out/usr/lib/modules/$version
	mkdir -p "$tree/lib/modules" "$lib"
	cp -rs "$(realpath "$1/mods")" "$tree/lib/modules/$version"
	depmod -b "$tree" "$version"
	cp "$1"/mods/modules.builtin* "$lib/"
	sed 's/\.ko\.xz$/.ko/' "$1/mods/modules.order" >"$lib/modules.order"
	for m in $MODULES; do
		modprobe -d "$tree" -S "$version" --show-depends "$m" 2>/dev/null | sed -n 's/^insmod //p' || true
	done | sort -u | while read -r file _; do
		m=$lib/kernel/${file##*/kernel/}
		mkdir -p "${m%/*}"
		case $file in
		*.xz) xz -dc "$file" >"${m%.xz}" ;;
		*) cp -L "$file" "$m" ;;
		esac
	done
	ln -s usr/lib "$root/out/lib"
	depmod -b "$root/out" "$version"
	rm "$root/out/lib"
	make_cpio "$root/out" "$2"
}

programs=() # whose libraries are needed
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
case ${1:-} in
base) make_base "$2" ;;
kernel) make_kernel "$2" "$3" ;;
*) echo "usage: initramfs.sh base OUT | kernel DIR OUT" >&2 && exit 2 ;;
esac
