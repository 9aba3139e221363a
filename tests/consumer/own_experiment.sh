#!/usr/bin/env bash
# Runs the experiment of docs/own_experiment.md on data made here: once undisturbed, once interrupted and resumed, and
# without its data. own_experiment.sh PROGRAM FOLDER
set -euo pipefail
program=$1 folder=$2
rm -rf "$folder"
mkdir -p "$folder/data"

fail() { echo "own_experiment.sh: $*" >&2; exit 1; }

# Points of a square, those inside of a circle of half its area in a class of their own.
awk 'BEGIN {
  srand(1); print "x,y,place"
  for (i = 0; i < 400; ++i) { x = 2 * rand() - 1; y = 2 * rand() - 1; print x "," y "," (x * x + y * y < 0.64 ? "in" : "out") }
}' >"$folder/data/data.csv"
options=(--data "$folder/data" --label place --seeds 5 --epochs 100 --quiet)

"$program" "${options[@]}" --out "$folder/whole" | tee "$folder/lines"
grep -q 'one unit: reproduced$' "$folder/lines" || fail 'the wide layer is not found to be better'
for file in config.json log.jsonl results.csv figures/comparison.svg report.html summary.json; do
  [[ -s $folder/whole/$file ]] || fail "no $file"
done

"$program" "${options[@]}" --out "$folder/resumed" 2>"$folder/errors" &
run=$!
until compgen -G "$folder/resumed/checkpoint.*.json" >/dev/null; do
  kill -0 "$run" 2>/dev/null || fail 'ended before a checkpoint was seen'
  sleep 0.01
done
kill -INT "$run"
status=0
wait "$run" || status=$?
((status == 130)) || fail "interrupted, it ended with $status: $(cat "$folder/errors")"
[[ ! -e $folder/resumed/summary.json ]] || fail 'an interrupted run has a summary'
"$program" "${options[@]}" --out "$folder/resumed" --resume >/dev/null
for file in log.jsonl results.csv figures/comparison.svg; do
  cmp "$folder/whole/$file" "$folder/resumed/$file" || fail "$file differs after --resume"
done

status=0
"$program" --data "$folder" --out "$folder/none" 2>"$folder/errors" || status=$?
((status == 3)) || fail "without data it ended with $status"
grep -q 'data.csv' "$folder/errors" || fail 'the error does not say what data it wants'
echo 'own experiment: undisturbed and resumed runs agree'
