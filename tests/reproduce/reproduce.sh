#!/usr/bin/env bash
# scripts/reproduce.sh with toys in the place of the programs: what runs, what is resumed, what fails, what an interrupt
# leaves. reproduce.sh REPRODUCTION_PAGE FOLDER
set -euo pipefail
page=$1 folder=$2 script=$(dirname "$0")/../../scripts/reproduce.sh
rm -rf "$folder"
mkdir -p "$folder/bin"
folder=$(realpath "$folder")
export SONDE_DATA_DIR=$folder/data

fail() { echo "reproduce.sh: $*" >&2; exit 1; }
said() { grep -qF -- "$1" "$folder/said" || fail "does not say '$1', but: $(cat "$folder/said")"; }
not_said() { ! grep -qF -- "$1" "$folder/said" || fail "says '$1'"; }
# run EXPECTED [ARGUMENT...]
run() {
  local expected=$1 status=0
  shift
  "$script" --programs "$folder/bin" --runs "$folder/runs" "$@" >"$folder/said" 2>&1 || status=$?
  ((status == expected)) || fail "$* ended with $status, not $expected: $(cat "$folder/said")"
}
starts() { grep -c "^$1 " "$folder/starts" || true; }

printf '#!/bin/sh\nexec %s --programs %s "$@"\n' "$page" "$folder/bin" >"$folder/bin/reproduction_page"

# A toy follows the contract: it tells its words, waits for a signal where it is asked to, fails where it is asked to,
# and leaves what a run leaves.
cat >"$folder/bin/toy" <<TOY
#!/usr/bin/env bash
words="\$*" name=\$(basename "\$0") quick=false
while ((\$#)); do case \$1 in --quick) quick=true ;; --out) out=\$2; shift ;; esac; shift; done
echo "\$(basename "\$out") \$words" >>"$folder/starts"
mkdir -p "\$out"
echo "{\"experiment\": \"\$name\", \"command\": \"\$name \$words\", \"settings\": {\"seed\": 1, \"seeds\": 1, \"quick\": \$quick, \"full\": false}}" >"\$out/config.json"
if [[ -e $folder/fails.\$name ]]; then echo 'a line before' >&2; echo "\$name: it broke" >&2; exit 4; fi
if [[ -e $folder/waits.\$name ]]; then
  trap 'echo saved >"\$out/checkpoint.1.json"; exit 130' TERM
  trap 'echo "\$name got a second signal" >>"$folder/starts"' INT
  touch "$folder/waiting"
  while :; do sleep 0.02; done
fi
cat >"\$out/summary.json" <<SUMMARY
{"experiment": "\$name", "paper": "none", "version": "0", "seed": 1, "threads": 1, "device": "cpu", "blas_core": "x",
 "wall_s": 1, "peak_bytes": 0, "metrics": {}, "claims": [], "figures": []}
SUMMARY
TOY
chmod +x "$folder/bin/"*
mapfile -t programs < <("$folder/bin/reproduction_page" --list | cut -f 3 | sort -u)
for program in "${programs[@]}"; do ln -s toy "$folder/bin/$program"; done
all=$("$folder/bin/reproduction_page" --list | wc -l)

# What is asked for must be there.
run 2 no_such_experiment
said 'there is no experiment no_such_experiment; there are boolean_checks, boolean_scaling,'
run 2 --quick --full
run 2 --sigma
run 2 --runs
[[ ! -e $folder/starts ]] || fail 'something ran'
run 0 --help
said 'scripts/reproduce.sh [--quick | --full]'
run 0 --list
said "boolean_scaling	missing	boolean_scaling	--out	$folder/runs/boolean_scaling"

# One by name, and not again.
run 0 hessian_growth
[[ $(wc -l <"$folder/starts") == 1 ]] || fail "other runs than hessian_growth: $(cat "$folder/starts")"
[[ -s $folder/runs/index.html ]] || fail 'no page'
said "$folder/runs/index.html"
run 0 hessian_growth
said 'hessian_growth: finished before'
[[ $(starts hessian_growth) == 1 ]] || fail 'a finished run was started again'

# A failed one stops no other; it is named, on the page too, and tried again at the next call.
touch "$folder/fails.boolean_scaling"
run 1 boolean_scaling boolean_checks
said 'failed: boolean_scaling: status 4: boolean_scaling: it broke'
said 'a line before'
[[ $(starts boolean_checks) == 1 ]] || fail 'the other one did not run'
grep -qF 'status 4: boolean_scaling: it broke' "$folder/runs/index.html" || fail 'the page does not tell the failure'
rm "$folder/fails.boolean_scaling"

# One that is missing is a failure, too; without its data an experiment is passed over.
mv "$folder/bin/ntk_boolean" "$folder/kept"
run 1 ntk_boolean sensitivity_vision_cifar10
said 'failed: ntk_boolean: there is no program ntk_boolean'
said 'sensitivity_vision_cifar10: passed over, its data are not on this machine'
mv "$folder/kept" "$folder/bin/ntk_boolean"
run 0 sensitivity_vision_cifar10
grep -qF 'no data: ' "$folder/runs/index.html" || fail 'the page does not tell which data are missing'

# An interrupt, of either kind: the run saves, the page is built, nothing further starts; then it is resumed.
for signal in TERM INT; do
  touch "$folder/waits.hessian_attention"
  rm -f "$folder/waiting" "$folder/runs/index.html"
  before=$(wc -l <"$folder/starts")
  # In a group of its own with handlers as at a terminal, where Ctrl-C reaches all of the group.
  set -m
  "$script" --programs "$folder/bin" --runs "$folder/runs" hessian_attention hessian_heterogeneity \
    >"$folder/said" 2>&1 &
  script_id=$!
  set +m
  until [[ -e $folder/waiting ]]; do sleep 0.02; kill -0 "$script_id" || fail "ended: $(cat "$folder/said")"; done
  if [[ $signal == INT ]]; then kill -INT -- "-$script_id"; else kill -TERM "$script_id"; fi
  status=0
  wait "$script_id" || status=$?
  ((status == 130)) || fail "after $signal it ended with $status: $(cat "$folder/said")"
  [[ -e $folder/runs/hessian_attention/checkpoint.1.json ]] || fail "after $signal the run did not save"
  [[ -s $folder/runs/index.html ]] || fail "after $signal there is no page"
  [[ $(($(wc -l <"$folder/starts") - before)) == 1 ]] || fail "after $signal: $(tail -n 2 "$folder/starts")"
  not_said failed
  rm "$folder/waits.hessian_attention" "$folder/runs/hessian_attention/checkpoint.1.json"
done
run 0 hessian_attention
tail -n 1 "$folder/starts" | grep -q -- '--resume$' || fail 'it is not resumed'

# Everything else; sizes do not mix.
run 0
for name in $("$folder/bin/reproduction_page" --runs "$folder/runs" --list | awk -F'\t' '$2 == "finished" { print $1 }'); do
  [[ -s $folder/runs/$name/summary.json ]] || fail "$name is not finished"
done
finished=$("$folder/bin/reproduction_page" --runs "$folder/runs" --list | cut -f 2 | grep -c finished)
((finished >= all - 2)) || fail "$finished of $all are finished"  # the two on images may be without data
run 1 --quick boolean_checks
said 'boolean_checks: its folder holds a run of another size'
rm -r "$folder/runs/boolean_checks"
run 0 --quick boolean_checks
tail -n 1 "$folder/starts" | grep -q -- '--quick' || fail 'the quick run is not quick'
run 0 --quick boolean_checks
said 'boolean_checks: finished before'
run 1 boolean_checks
[[ $(starts boolean_checks) == 2 ]] || fail 'a quick run was taken for one of standard size, or lost'
echo 'scripts/reproduce.sh: runs, resumes, fails and stops as it says'
