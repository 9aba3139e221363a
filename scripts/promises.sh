#!/usr/bin/env bash
# Runs the tests that docs/promises.md names, and prints its table with the outcome and the figures of each promise.
#   scripts/promises.sh [--bless | --names] [--build DIR]
#     --bless  also writes the figures into the page
#     --names  runs nothing; ends with 1 if the page names a test that does not exist
# A figure is a line "figure: ..." that a test prints; one that prints none counts its cases. Ends with 1 if a promise is
# not kept. `scripts/test.sh --promises` builds first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

page=docs/promises.md mode=run build=build/release
while (($#)); do
  case $1 in
    --bless | --names) mode=${1#--} ;;
    --build) build=${2:?--build needs a folder} && shift ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
  esac
  shift
done

# What stands between backticks in the third column of the page's numbered rows.
named_tests() {
  awk -F'|' '$2 ~ /^ *[0-9]+ *$/ {
    for (rest = $4; match(rest, /`[^`]+`/); rest = substr(rest, RSTART + RLENGTH))
      print substr(rest, RSTART + 1, RLENGTH - 2)
  }' "$page" | sort -u
}

# judge table|page LOG: from ctest's verbose output, the table with outcomes, or the page with its figures anew.
judge() {
  awk -F'|' -v what="$1" '
    function add(test, text) { figures[test] = figures[test] (figures[test] ? "; " : "") text }
    function after(pattern) { match($0, pattern); return substr($0, RSTART + RLENGTH) }
    FNR == NR && /^ +Start +[0-9]+: / { number = after("Start +") + 0; name[number] = after("Start +[0-9]+: "); next }
    FNR == NR && /^[0-9]+: figure: / { add(name[$0 + 0], after("figure: ")); next }
    FNR == NR && /^[0-9]+: \[==========\] [0-9]+ tests? .* ran/ { cases[name[$0 + 0]] = after("[=]+[]] ") + 0; next }
    FNR == NR && /Test +#[0-9]+: / { split(after("#[0-9]+: "), part, / +/); outcome[part[1]] = / Passed /; next }
    FNR == NR { next }
    $2 !~ /^ *[0-9]+ *$/ { if (what == "page") print; next }
    {
      said = ""; verdict = "kept"; count = 0
      for (rest = $4; match(rest, /`[^`]+`/); rest = substr(rest, RSTART + RLENGTH)) {
        test = substr(rest, RSTART + 1, RLENGTH - 2)
        if (!outcome[test]) { verdict = "NOT SHOWN by " test; failed = 1 }
        if (test in figures) said = said (said ? "; " : "") figures[test]
        else count += cases[test]
      }
      if (count) said = said (said ? "; " : "") count " cases"
      if (what == "page") print "|" $2 "|" $3 "|" $4 "| " said " |"
      else print $2 "|" $3 "| " verdict " | " said
    }
    END { exit failed }
  ' "$2" "$page"
}

run_tests() {
  ctest --test-dir "$build" -R "^($(named_tests | paste -sd'|'))\$" -V -j "$(nproc)" || true
}

if [[ $mode == names ]]; then
  absent=$(comm -23 <(named_tests) <(ctest --test-dir "$build" -N | sed -n 's/^ *Test *#[0-9]*: //p' | sort))
  [[ -z $absent ]] || { echo "$page names what is no test: $absent" >&2 && exit 1; }
  exit
fi
log=$build/promises.log
run_tests >"$log"
judge table "$log" || { echo "a promise is not kept; what the tests say is in $log" >&2 && exit 1; }
if [[ $mode == bless ]]; then
  judge page "$log" >"$build/promises.md"
  cp "$build/promises.md" "$page"
fi
