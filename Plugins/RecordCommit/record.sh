#!/bin/sh
# record.sh PACKAGE FILE
#
# Writes the commit of a clone into a Swift file: 12 digits, and ".modified" where files differ from it. Outside a clone
# (a downloaded archive, a machine without git) there is none. The file is left alone where it says so already, so
# that nothing is compiled again.
cd "$1" || exit 1

commit=
# An archive unpacked inside another project's clone is no clone of this one.
if [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ]; then
  commit=$(git rev-parse --short=12 HEAD 2>/dev/null)
  git diff --quiet HEAD 2>/dev/null || commit=$commit.modified
fi

if [ -n "$commit" ]; then value="\"$commit\""; else value=nil; fi
text="/// Where this program was built from; nothing outside a clone.
let commit: String? = $value"
[ "$(cat "$2" 2>/dev/null)" = "$text" ] || printf '%s\n' "$text" >"$2"
