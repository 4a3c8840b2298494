# Sourced by install.sh: puts the pinned deno and denort (the runtime that `deno compile` places a
# program behind) into $TOOLCHAIN. Sets $DENO and exports DENORT_BIN.
# Order: what the user has, Deno's own release, the same files out of Python wheels.
DENO_VERSION=2.6.10
# pins ARCH: which files are the right ones for that architecture.
pins() {
  ARCH=$1
  case "$ARCH" in
  x86_64)
    DENO_SHA256=bb9513ce8a9a7a976a77e0a32c5818035fb72dff6364afc5b8659594ba4a6139
    DENORT_SHA256=1b136202dc147212ad0b129de0c10eb5f17060917c9754c7921cd68f764ad2e2
    DENO_WHEEL_SHA256=d1600f4ee7b4a9699b7057841bdb5d7b7eac3fb073df072540064166841c2f4c
    DENORT_WHEEL_SHA256=5087fcd13341f529b5404792a74e22f570e50f17e5ea4cabe9c91b1caf74cbf4
    ;;
  aarch64)
    DENO_SHA256=5ecf8317e717e267c4cf161048f99b7addbccb1804a90d506437a7bc003c7616
    DENORT_SHA256=ee39b54b2f465eae3f1dd3d79495e1ef957fae69ff4f6ad118499986b714d494
    DENO_WHEEL_SHA256=b98d6fc98a9cbc10219f6c6d6f2a6e10d1954416bbcd4371d317fc9c20050576
    DENORT_WHEEL_SHA256=f09c1e600cae71293ab5ae9ddc30aa56a871463837a020eb23b246fa2024c462
    ;;
  *) die "there is no pinned Deno for $ARCH" ;;
  esac
  TOOLCHAIN="$HERALD_CACHE/toolchain/deno-$DENO_VERSION-$ARCH"
}

case "$(uname -s)-$(uname -m)" in
Linux-x86_64 | Linux-aarch64) pins "$(uname -m)" ;;
*) die "Herald builds on Linux, x86_64 or aarch64, with glibc 2.27 or newer; this is $(uname -s) $(uname -m)" ;;
esac

# is_pinned FILE SHA256
is_pinned() {
  [ -f "$1" ] && printf '%s  %s\n' "$2" "$1" | sha256sum -c --status - 2>/dev/null
}

# unzip_one ZIP NAME FOLDER
unzip_one() {
  if command -v python3 >/dev/null; then
    python3 -m zipfile -e "$1" "$3"
  else
    need_packages unzip
    unzip -qo "$1" "$2" -d "$3"
  fi
}

# from_release NAME SHA256 URL: quick to give up, so that a site without internet does not wait.
from_release() {
  command -v curl >/dev/null || return 1
  say "getting $1 $DENO_VERSION"
  curl -fsSL --connect-timeout 5 --speed-limit 20000 --speed-time 20 -o "$WORK/$1.zip" "$3" 2>/dev/null || return 1
  unzip_one "$WORK/$1.zip" "$1" "$WORK" || return 1
  is_pinned "$WORK/$1" "$2" || { say "that $1 is not the pinned file; trying the next source"; return 1; }
  chmod 755 "$WORK/$1" && mv -f "$WORK/$1" "$TOOLCHAIN/$1"
}

# from_wheels: deno is a file of the `deno` wheel. denort is the ELF image at the head of a program
# that another wheel carries and that `deno compile` of the same version made; its section headers
# end the image, and the payload's trailer must agree with that.
from_wheels() {
  say "getting deno $DENO_VERSION and denort from Python wheels, about 93 MB"
  command -v python3 >/dev/null || need_packages python3 python3-pip
  python=python3
  if ! $python -m pip --version >/dev/null 2>&1; then
    if python3 -m venv "$WORK/venv" >/dev/null 2>&1; then
      python=$WORK/venv/bin/python
    else
      need_packages python3-pip
    fi
  fi
  printf 'deno==%s --hash=sha256:%s\nbids-validator-deno==2.4.1 --hash=sha256:%s\n' \
    "$DENO_VERSION" "$DENO_WHEEL_SHA256" "$DENORT_WHEEL_SHA256" >"$WORK/pins.txt"
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.11 --platform "manylinux_2_27_$ARCH" --platform "manylinux_2_28_$ARCH" \
    --require-hashes -r "$WORK/pins.txt" -d "$WORK" ||
    die "pip could not get the pinned wheels; is the package index reachable (pip config list)?"
  python3 - "$WORK" <<'PY'
import glob, struct, sys, zipfile
work = sys.argv[1]
def member(wheel, tail):
    with zipfile.ZipFile(glob.glob(work + "/" + wheel)[0]) as z:
        return z.read(next(n for n in z.namelist() if n.endswith(tail)))
open(work + "/deno", "wb").write(member("deno-*.whl", "/scripts/deno"))
b = member("bids_validator_deno-*.whl", "/scripts/bids-validator-deno")
section_headers, = struct.unpack_from("<Q", b, 40)
size, count = struct.unpack_from("<HH", b, 58)
magic, name, length = struct.unpack("<IIQ", b[-16:])
end = section_headers + size * count
mark = b"d3n0l4nd"
if not (b[:4] == b"\x7fELF" and magic == 0x501E and name == sum(mark)
        and end == len(b) - length and b[end:end + 8] == mark):
    sys.exit("not the output of deno compile")
open(work + "/denort", "wb").write(b[:end])
PY
  for tool in deno denort; do
    chmod 755 "$WORK/$tool" && mv -f "$WORK/$tool" "$TOOLCHAIN/$tool"
  done
}

release="https://github.com/denoland/deno/releases/download/v$DENO_VERSION"

# get_runtime ARCH: prints the path of the denort that programs for ARCH stand behind.
get_runtime() (
  pins "$1"
  mkdir -p "$TOOLCHAIN"
  if ! is_pinned "$TOOLCHAIN/denort" "$DENORT_SHA256"; then
    WORK=$(mktemp -d "$TOOLCHAIN/.get.XXXXXX")
    trap 'rm -rf "$WORK"' EXIT
    from_release denort "$DENORT_SHA256" "$release/denort-$ARCH-unknown-linux-gnu.zip" || from_wheels
    is_pinned "$TOOLCHAIN/denort" "$DENORT_SHA256" || die "denort for $ARCH differs from its pinned sha256"
  fi
  echo "$TOOLCHAIN/denort"
)

get_toolchain() {
  mkdir -p "$TOOLCHAIN"
  DENO=""
  if command -v deno >/dev/null && is_pinned "$(command -v deno)" "$DENO_SHA256"; then
    DENO=$(command -v deno)
  elif is_pinned "$TOOLCHAIN/deno" "$DENO_SHA256"; then
    DENO="$TOOLCHAIN/deno"
  fi
  if [ -n "${DENORT_BIN:-}" ] && is_pinned "$DENORT_BIN" "$DENORT_SHA256"; then
    :
  else
    DENORT_BIN="$TOOLCHAIN/denort"
  fi
  if [ -z "$DENO" ] || ! is_pinned "$DENORT_BIN" "$DENORT_SHA256"; then
    WORK=$(mktemp -d "$TOOLCHAIN/.get.XXXXXX")
    DENORT_BIN="$TOOLCHAIN/denort"
    if [ -z "$DENO" ]; then
      DENO="$TOOLCHAIN/deno"
      from_release deno "$DENO_SHA256" "$release/deno-$ARCH-unknown-linux-gnu.zip" || from_wheels
    fi
    is_pinned "$DENORT_BIN" "$DENORT_SHA256" ||
      from_release denort "$DENORT_SHA256" "$release/denort-$ARCH-unknown-linux-gnu.zip" || from_wheels
    rm -rf "$WORK"
    is_pinned "$DENO" "$DENO_SHA256" && is_pinned "$DENORT_BIN" "$DENORT_SHA256" ||
      die "deno or denort differs from its pinned sha256"
  fi
  export DENORT_BIN
  export DENO_DIR="$HERALD_CACHE/deno-dir" DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1
  # Sites with their own certificate authority have it in the system's store.
  export DENO_TLS_CA_STORE="${DENO_TLS_CA_STORE:-system,mozilla}"
}
