#!/bin/sh
# Herald's installer: builds the binary from this checkout, installs it, shows it and tests it.
# usage: ./install.sh [build | demo [--ipv6 | --bgp] | test [NAME…] | bench [NAME…] |
#                     image | release | uninstall]
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
absolute() { case "$1" in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
HERALD_CACHE=$(absolute "${HERALD_CACHE:-${HOME:-/root}/.cache/herald}")
PREFIX=$(absolute "${PREFIX:-/usr/local}")
WORK=""
MAKING=""
# Other users run what is installed and published here, whatever this one's umask keeps from them.
umask 022
# The commit and its time go into the binary. Whoever runs this script trusts its folder, though
# another user own it; a repository around an unpacked archive is none of Herald's.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="$ROOT"
GIT_CEILING_DIRECTORIES=$(dirname "$ROOT")
export GIT_CEILING_DIRECTORIES

say() { echo "herald: $*" >&2; }
die() { say "$*"; exit 1; }
# What an interrupted run had half done.
clear_up() {
  [ -z "$WORK" ] || rm -rf "$WORK"
  [ -z "$MAKING" ] || rm -rf "$ROOT"/dist/.image-* "$ROOT"/dist/.release-*
}
trap clear_up EXIT
trap 'exit 130' INT TERM HUP

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    die "this step needs root and there is no sudo: $*"
  fi
}

# for_prefix COMMAND…: as root only where $PREFIX is not this user's own.
for_prefix() {
  nearest=$PREFIX/bin
  until [ -e "$nearest" ]; do nearest=$(dirname "$nearest"); done
  if [ -w "$nearest" ]; then "$@"; else as_root "$@"; fi
}

# hold_dist: one run at a time writes there, until it ends or calls free_dist.
hold_dist() {
  mkdir -p "$ROOT/dist" || die "cannot write to $ROOT"
  exec 9<"$ROOT/dist"
  flock -n 9 && return 0
  say "waiting for another ./install.sh of this clone"
  flock 9 || die "cannot lock $ROOT/dist"
}
free_dist() { exec 9<&-; }

# state_of FOLDER STAMP: what a folder holds, and what it was made of.
state_of() {
  echo "$2"
  [ ! -d "$1" ] || (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum)
}

# need_packages NAME…: installs what is missing of Debian's or Ubuntu's packages, named first.
need_packages() {
  missing=""
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
      missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null || die "please install:$missing"
  say "installing system packages:$missing"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null 2>&1 ||
    say "apt-get update failed; trying with the lists at hand"
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    die "apt-get could not install:$missing"
}

check_machine() {
  [ "$(uname -s)" = Linux ] || die "Herald runs on Linux; this is $(uname -s)"
  for tool in git sha256sum mktemp find flock; do
    command -v "$tool" >/dev/null || die "$tool is needed and is not here"
  done
  mkdir -p "$HERALD_CACHE" || die "cannot write to $HERALD_CACHE; set HERALD_CACHE to a folder of yours"
}

get_dependencies() {
  "$DENO" install --quiet --frozen </dev/null || die "the npm packages could not be had; is the npm registry reachable?"
}

build() {
  check_machine
  # shellcheck source=.ci/toolchain.sh
  . "$ROOT/.ci/toolchain.sh"
  get_toolchain
  cd "$ROOT"
  hold_dist
  [ ! -e .git ] || git rev-parse HEAD >/dev/null ||
    say "git cannot read this clone: the program will not know its commit"
  stamp=$({ git rev-parse HEAD 2>/dev/null; echo "$DENO_SHA256 $DENORT_SHA256 ${SOURCE_DATE_EPOCH:-}"
    find main.ts deno.json deno.lock LICENSE lib ffi .ci -type f -print0 | sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1)
  if [ -x dist/herald ] && [ -d dist/js ] && [ -f dist/source.json ] &&
    [ -f dist/packages.json ] && [ -f dist/licenses.txt ] &&
    [ "$(cat dist/stamp 2>/dev/null)" = "$stamp" ]; then
    return 0
  fi
  for folder in dist node_modules; do
    [ ! -e "$folder" ] || [ -w "$folder" ] ||
      die "cannot write to $ROOT/$folder, made by $(stat -c %U "$folder"): remove it as that user"
  done
  say "getting the npm packages"
  get_dependencies
  say "building dist/herald"
  rm -f dist/stamp
  "$DENO" run --quiet -A .ci/bundle.ts "$DENO" || die "the build failed"
  echo "$stamp" >dist/stamp
  say "built dist/herald ($(du -h dist/herald | cut -f1), sha256 $(sha256sum dist/herald | cut -c1-16)…)"
}

install_binary() {
  build
  for_prefix mkdir -p "$PREFIX/bin"
  # A running herald keeps its old file: the new one comes under a new name and replaces it at once.
  for_prefix cp dist/herald "$PREFIX/bin/.herald.new"
  for_prefix mv -f "$PREFIX/bin/.herald.new" "$PREFIX/bin/herald"
  say "installed $PREFIX/bin/herald"
  echo "Next: herald validate FILE, or ./install.sh demo to see it work, or README.md for a cluster."
}

uninstall() {
  if [ -e "$PREFIX/bin/herald" ]; then
    for_prefix rm -f "$PREFIX/bin/herald"
    say "removed $PREFIX/bin/herald"
  else
    say "nothing to remove: $PREFIX/bin/herald is not there"
  fi
  [ ! -d "$HERALD_CACHE" ] || say "the cache stays: rm -rf $HERALD_CACHE removes it"
}

# image: for both platforms, whatever this machine is; no container program is needed.
image() {
  build
  [ "$(state_of dist/image "$stamp")" != "$(cat dist/image.stamp 2>/dev/null)" ] || return 0
  need_packages dpkg tar
  MAKING=yes
  clear_up
  rm -f dist/image.stamp
  say "making the image for linux/amd64 and linux/arm64"
  amd64=$(get_runtime x86_64) || exit 1
  arm64=$(get_runtime aarch64) || exit 1
  "$DENO" run --quiet -A .ci/image/image.ts "$DENO" "$DENO_VERSION" "$amd64" "$arm64" || die "the image failed"
  state_of dist/image "$stamp" >dist/image.stamp
}

# release: all that is published, from the very programs of the image.
release() {
  build
  made=$({ cat dist/stamp
    find deploy .ci install.sh -type f -print0 | sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1)
  [ "$(state_of dist/release "$made")" != "$(cat dist/release.stamp 2>/dev/null)" ] || return 0
  rm -f dist/release.stamp
  image
  need_packages dpkg tar
  MAKING=yes
  say "making dist/release"
  "$DENO" run --quiet -A .ci/release/release.ts || die "the release failed"
  state_of dist/release "$made" >dist/release.stamp
}

# with_root SCRIPT ARGS…: namespaces and raw sockets need root.
with_root() {
  free_dist
  if [ "$(id -u)" = 0 ]; then "$DENO" run --quiet -A "$@"; else
    as_root env HERALD_CACHE="$HERALD_CACHE" DENO_DIR="$DENO_DIR" DENORT_BIN="$DENORT_BIN" \
      DENO_TLS_CA_STORE="$DENO_TLS_CA_STORE" DENO_NO_UPDATE_CHECK=1 "$DENO" run --quiet -A "$@"
  fi
}

command=${1:-install}
[ $# -eq 0 ] || shift
case "$command" in
install) install_binary ;;
build) build ;;
demo)
  build
  need_packages iproute2 iputils-arping nftables tcpdump procps curl gcc libc6-dev
  case "${1:-}" in
  "" | --ipv6) with_root tests/demo/demo.ts "$@" ;;
  --bgp)
    need_packages frr
    with_root tests/demo/bgp.ts
    ;;
  *) die "demo knows --ipv6 and --bgp, not \"$1\"" ;;
  esac
  ;;
test)
  build
  get_dependencies
  with_root .ci/test.ts "$@"
  ;;
bench)
  build
  get_dependencies
  with_root bench/bench.ts "$@"
  ;;
image) image ;;
release) release ;;
uninstall) uninstall ;;
-h | --help | help) sed -n '2,4s/^# //p' "$0" ;;
*)
  say "unknown command \"$command\"; one of build, demo, test, bench, image, release, uninstall, or none to install"
  exit 2
  ;;
esac
