# Shared by the scripts of this folder, which source it: works from the repository's root.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }

fail() { # MESSAGE [HELP]
  say "$(basename "$0"): $1"
  [[ -z ${2:-} ]] || say "  help: $2"
  exit 1
}

# Runs commands at the same time, each a string of words. What they print appears when all have ended, each under its name,
# those that failed at the end. Fails if one failed.
side_by_side() { # COMMAND...
  local commands=("$@") logs words i passed=() failed=() pids=()
  logs=$(mktemp -d)
  for i in "${!commands[@]}"; do
    read -ra words <<<"${commands[i]}"
    "${words[@]}" >"$logs/$i" 2>&1 &
    pids+=($!)
  done
  for i in "${!pids[@]}"; do
    if wait "${pids[i]}"; then passed+=("$i"); else failed+=("$i"); fi
  done
  for i in ${passed[@]+"${passed[@]}"} ${failed[@]+"${failed[@]}"}; do
    say "== ${commands[i]}"
    cat "$logs/$i" >&2
  done
  rm -rf "$logs"
  ((${#failed[@]} == 0)) || fail "${#failed[@]} of ${#commands[@]} failed: see above"
}

# Packages of the system

have() { command -v "$1" >/dev/null; }

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    fail "this needs root, and there is no sudo: $*" "run it as root, then run this script again"
  fi
}

apt_install() { # PACKAGE...
  have apt-get || fail "$* is missing, and there is no apt-get here to install it" \
    "install it with this system's own package manager, then run this script again"
  say "Installing $* with apt-get"
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
  # One at a time, as two at the same time would fail. A bare system has no package lists yet, and old ones point at
  # what is gone.
  (
    flock 9
    as_root "${install[@]}" >&2 || { as_root apt-get update -q >&2 && as_root "${install[@]}" >&2; }
  ) 9>"${TMPDIR:-/tmp}/summand-apt-$EUID.lock" ||
    fail "apt-get could not install $*" "its own messages are above"
}

need_libedit() {
  [[ $(uname) == Darwin || -e /usr/include/histedit.h ]] || apt_install libedit-dev
}

need_pip() {
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
}

need_venv() {
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || apt_install python3-venv
}

# An environment of Python with the packages of a list, made again where the list has changed. What is imported of them is
# compiled then, next to the build: all of it would take longer than the checks.
need_packages() { # FOLDER REQUIREMENTS
  unset PYTHONDONTWRITEBYTECODE
  export PYTHONPYCACHEPREFIX=$PWD/.build/pycache
  [[ -e $1/installed && $(cat "$1/installed") == "$(cat "$2")" ]] && return
  say "Installing the packages of $2"
  rm -rf "$1"
  python3 -m venv "$1"
  "$1/bin/pip" install -q --no-compile --disable-pip-version-check -r "$2"
  cp "$2" "$1/installed"
}

need_rsvg() {
  [[ $(uname) == Darwin ]] || have rsvg-convert || apt_install librsvg2-bin
}

need_curl() {
  have curl || apt_install curl
}

# Pages are looked at in a browser. Without one, and offline, that part of the tests is skipped and says so; where
# $CI is set it must be there.
need_chromium() {
  if have chromium || have google-chrome || (apt_install chromium); then return; fi
  [[ ! ${CI:-} ]] || fail "reports must be tested in a browser, and there is no Chromium"
  say "There is no Chromium: reports are not tested in a browser"
}

need_swift() {
  local how="https://www.swift.org/install says how to install Swift 6.3 or newer"
  have swift || fail "there is no swift on the PATH" "$how"
  local version
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p')
  local major=${version%.*} minor=${version#*.}
  if [[ ! $version ]] || ((major < 6 || (major == 6 && minor < 3))); then
    fail "Summand needs Swift 6.3 or newer; this is ${version:-of an unknown version}" "$how"
  fi
}

# Of a debug build: the gate's is thrown away, and without what a debugger reads it is a tenth quicker. Every batch of files
# expands the macros of all tests, so two batches for two processors are quicker than many. All scripts build with the same
# options, or else each would compile everything again.
debug_options=(${CI:+-debug-info-format none -Xswiftc -driver-batch-count -Xswiftc 2})

build_debug() {
  need_libedit
  need_swift
  swift build --product summand "${debug_options[@]}" >&2
}

build_release() {
  need_libedit
  need_swift
  say "Building (the first time takes some minutes)"
  swift build -c release --product summand >&2
}

# Models that come as Python packages: the list that the program has too.

model_list=Sources/Runtime/Models/packages.tsv

# shellcheck disable=SC2034
model_files() { # NAME: sets model_path, _file, _size and _sha256, _parts, where it comes from, and _terms
  # Not separated by tabs: read takes several for one, and the last field may be empty.
  IFS=$'\x1f' read -r model_file model_size model_sha256 model_parts model_terms < <(
    awk -F '\t' -v OFS=$'\x1f' -v name="$1" '!/^#/ && $1 == name { print $2, $3, $4, $5, $6 }' "$model_list"
  ) || fail "there is no model \"$1\" to fetch" "the models are: $(model_names)"
  model_path=${XDG_CACHE_HOME:-$HOME/.cache}/summand/models/$model_file
}

model_names() {
  awk -F '\t' '!/^#/ { printf "%s%s", comma, $1; comma = ", " }' "$model_list"
}

sha256() { # FILE
  local sum
  if have sha256sum; then sum=$(sha256sum <"$1"); else sum=$(shasum -a 256 <"$1"); fi
  printf '%s' "${sum%% *}"
}

is_model() { # FILE: what model_files described, all of it
  [[ -f $1 && $(wc -c <"$1") -eq $model_size && $(sha256 "$1") == "$model_sha256" ]]
}
