#!/bin/sh
# Herald's installer: builds the binary from this checkout, installs it, shows it and tests it.
# usage: ./install.sh [build | demo [--ipv6 | --bgp] | test [NAME…] | bench [NAME…] |
#                     image | release | uninstall]
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
HERALD_CACHE=${HERALD_CACHE:-${HOME:-/root}/.cache/herald}
PREFIX=${PREFIX:-/usr/local}
WORK=""

say() { echo "herald: $*" >&2; }
die() { say "$*"; exit 1; }
trap '[ -z "$WORK" ] || rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    die "this step needs root and there is no sudo: $*"
  fi
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
  for tool in git sha256sum mktemp find; do
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
  stamp=$({ git rev-parse HEAD 2>/dev/null; echo "$DENO_SHA256 $DENORT_SHA256"
    find main.ts deno.json deno.lock lib ffi .ci -type f -print0 | sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1)
  if [ -x dist/herald ] && [ -d dist/js ] && [ "$(cat dist/stamp 2>/dev/null)" = "$stamp" ]; then
    return 0
  fi
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
  as_root mkdir -p "$PREFIX/bin"
  # A running herald keeps its old file: the new one comes under a new name and replaces it at once.
  as_root cp dist/herald "$PREFIX/bin/.herald.new"
  as_root mv -f "$PREFIX/bin/.herald.new" "$PREFIX/bin/herald"
  say "installed $PREFIX/bin/herald"
  echo "Next: herald validate FILE, or ./install.sh demo to see it work, or README.md for a cluster."
}

uninstall() {
  if [ -e "$PREFIX/bin/herald" ]; then
    as_root rm -f "$PREFIX/bin/herald"
    say "removed $PREFIX/bin/herald"
  else
    say "nothing to remove: $PREFIX/bin/herald is not there"
  fi
  [ ! -d "$HERALD_CACHE" ] || say "the cache stays: rm -rf $HERALD_CACHE removes it"
}

# image: for both platforms, whatever this machine is; no container program is needed.
image() {
  build
  image_is_whole && return 0
  rm -f dist/image.sums
  need_packages dpkg tar
  say "making the image for linux/amd64 and linux/arm64"
  amd64=$(get_runtime x86_64) || exit 1
  arm64=$(get_runtime aarch64) || exit 1
  "$DENO" run --quiet -A .ci/image/image.ts "$DENO" "$DENO_VERSION" "$amd64" "$arm64" || die "the image failed"
  { image_source; find dist/image -type f -print0 | sort -z | xargs -0 sha256sum; } >dist/image.new
  mv -f dist/image.new dist/image.sums
}

# All that goes into the image is in the build's stamp, but for the times of its files.
image_source() { echo "# $(cat dist/stamp) ${SOURCE_DATE_EPOCH:-}"; }

# Whether the image of this very source lies there, every byte of it.
image_is_whole() {
  [ "$(head -n 1 dist/image.sums 2>/dev/null)" = "$(image_source)" ] &&
    tail -n +2 dist/image.sums | sha256sum -c --status 2>/dev/null
}

# release: all that is published, from the very programs of the image.
release() {
  build
  need_packages dpkg tar
  made=$({ cat dist/stamp
    find deploy .ci install.sh -type f -print0 | sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1)
  if [ "$(cat dist/release.stamp 2>/dev/null)" = "$made" ] &&
    (cd dist/release && sha256sum -c --status SHA256SUMS) 2>/dev/null; then
    return 0
  fi
  rm -f dist/release.stamp
  image
  say "making dist/release"
  "$DENO" run --quiet -A .ci/release/release.ts || die "the release failed"
  echo "$made" >dist/release.stamp
}

# with_root SCRIPT ARGS…: namespaces and raw sockets need root.
with_root() {
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
