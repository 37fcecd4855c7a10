# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# To be sourced: packages of another Debian suite, with the signatures and checksums apt always checks,
# but with lists and state of its own. The machine's apt is only read, for its mirror and proxy.
#
#   suite=trixie APT=/some/dir; fail() { …; }
#   configure_apt && apt-get -qq update && cd "$APT/debs" && apt-get -qq download PACKAGE
# shellcheck shell=bash
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror this machine installs from; for security suites its security mirror.
mirror() {
	local end='/debian/*$'
	[[ $suite == *-security ]] && end='/debian-security/*$'
	{
		sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources
		sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) [a-z/-]* main.*/\2/p' /etc/apt/sources.list \
			/etc/apt/sources.list.d/*.list
	} 2>/dev/null | tr ' ' '\n' | grep "$end" | head -1 || true
}

configure_apt() {
	local uri
	uri=$(mirror)
	[ -n "$uri" ] || fail "found no Debian mirror for $suite in /etc/apt"
	mkdir -p "$APT"/{lists/partial,cache/archives/partial,debs}
	: >"$APT/status"
	echo "deb [signed-by=$KEYRING] $uri $suite main" >"$APT/sources.list"
	# Before APT_CONFIG points elsewhere. A suite past its support is signed, but no longer renewed.
	apt-config dump --format '%F "%v";%n' Acquire::http::Proxy Acquire::https::Proxy >"$APT/proxy"
	cat - "$APT/proxy" >"$APT/apt.conf" <<-CONF
		Dir::Etc "$APT"; Dir::Etc::sourcelist "$APT/sources.list"; Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::parts "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
		Dir::Etc::trustedparts "/dev/null"; Dir::State::lists "$APT/lists";
		Dir::State::status "$APT/status"; Dir::Cache "$APT/cache"; Debug::NoLocking "true";
		APT::Architecture "amd64"; APT::Architectures { "amd64"; }; Acquire::Languages "none";
		Acquire::Retries "2"; Acquire::http::Timeout "20"; Acquire::https::Timeout "20";
		Acquire::Check-Valid-Until "false"; APT::Sandbox::User "";
	CONF
	export APT_CONFIG=$APT/apt.conf
}
