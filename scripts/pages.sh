#!/usr/bin/env bash
# Holds pages (.md) to the files they quote and to the programs whose output they show, so that they cannot rot.
#
#   scripts/pages.sh [--bless] [--bin DIR] [PAGE...]
#
# Without pages: all that quote. Without --bless, a page that differs is an error; with it, the page is rewritten.
# DIR holds the built programs (build/release/bin). A page quotes in regions that end with a line `<!-- end -->`:
#   <!-- source FILE -->        the whole file
#   <!-- source FILE [tag] -->  its lines between `// [tag]` and `// [end]`
#   <!-- output PROGRAM -->     what the program prints, with paths below docs/ as from the repository's root
# A C++ block outside of such a region would not be compiled by anything, and is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bless=0 bin=build/release/bin pages=()
while (($#)); do
  case $1 in
    --bless) bless=1 ;;
    --bin) bin=$2 && shift ;;
    -*) echo "pages.sh: unknown option $1" >&2 && exit 2 ;;
    *) pages+=("$1") ;;
  esac
  shift
done
if ((${#pages[@]} == 0)); then
  mapfile -t pages < <(git grep -lE '^<!-- (source|output) ' -- '*.md' ':!tests/pages')
fi

# weave PAGE: the page with every region filled anew.
weave() {
  awk -v page="$1" -v bin="$bin" '
    function give_up(message) { print "pages.sh: " page ":" NR ": " message >"/dev/stderr"; failed = 1; exit 1 }
    function quote(file, tag,    line, inside, lines) {
      inside = tag == ""
      while ((getline line <file) > 0) {
        if (tag != "" && inside && line ~ /^ *\/\/ \[end\]$/) break
        if (inside) { print line; lines++ }
        if (tag != "" && index(line, "// " tag) && line ~ /^ *\/\/ \[[a-z_]+\]$/) inside = 1
      }
      close(file)
      if (!lines) give_up("nothing to quote: " file " " tag)
    }
    function run(program,    line, command) {
      command = bin "/" program
      while ((command | getline line) > 0) { gsub(/[^ ]*\/docs\//, "docs/", line); print line }
      if (close(command) != 0) give_up(command " failed")
    }
    /^<!-- source / { print; print "```cpp"; quote($3, $4 == "-->" ? "" : $4); print "```"; skipping = 1; next }
    /^<!-- output / { print; print "```text"; run($3); print "```"; skipping = 1; next }
    /^<!-- end -->/ { skipping = 0 }
    !skipping && /^```(cpp|c\+\+)/ { give_up("a C++ block that no program holds") }
    !skipping { print }
    END { if (!failed && skipping) give_up("no <!-- end -->") }
  ' "$1"
}

status=0 woven=$(mktemp)
trap 'rm -f "$woven"' EXIT
for page in "${pages[@]}"; do
  if ! weave "$page" >"$woven"; then
    status=1
  elif ((bless)); then
    cmp -s "$page" "$woven" || { cp "$woven" "$page" && echo "$page: brought up to date"; }
  elif ! diff -u --label "$page" --label "$page, woven anew" "$page" "$woven"; then
    echo "$page differs from what its sources and programs say; see the lines above, then: scripts/pages.sh --bless"
    status=1
  fi
done
exit $status
