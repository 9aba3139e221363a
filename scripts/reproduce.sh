#!/usr/bin/env bash
# Reproduces the papers: installs what is missing, builds, runs each experiment that is not finished, and builds one page
# of what all found. Interrupted (Ctrl-C or SIGTERM), it lets the run under way save, builds the page of what there is,
# and ends with 130; called again, it goes on from there.
#
#   scripts/reproduce.sh [--quick | --full] [--runs DIR] [--programs DIR] [NAME...]
#     --quick         minutes in all, from which nothing is concluded; --full: the papers' sizes, days to months
#     --runs DIR      folder of the runs and of the page
#     --programs DIR  where the programs lie; nothing is installed or built
#     --list          only says which experiments there are, and how far they are
#     NAME            experiments to run; all if none is given
#
# Each size has its own runs and its own page: out/report/index.html, out/report/quick/index.html and
# out/report/full/index.html. A run that fails does not stop the others; the last lines name it, and the exit code is 1.
# Data are looked for in SONDE_DATA_DIR and /usr/share/datasets; an experiment whose data are missing is passed over.
usage() { sed -n '2,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
bad_usage() { echo "reproduce.sh: $*" >&2; exit 2; }

size='' runs='' programs='' only_list=0 names=()
while (($#)); do
  case $1 in
    --quick | --full)
      [[ -z $size ]] || bad_usage 'give one of --quick and --full, once'
      size=$1
      ;;
    --runs) (($# > 1)) || bad_usage '--runs needs a folder'; runs=$(realpath -m -- "$2"); shift ;;
    --programs) (($# > 1)) || bad_usage '--programs needs a folder'; programs=$(realpath -m -- "$2"); shift ;;
    --list) only_list=1 ;;
    --help | -h) usage; exit ;;
    -*) bad_usage "unknown option $1; --help lists them" ;;
    *) names+=("$1") ;;
  esac
  shift
done

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# Packages of data are no condition: without them the rest is still run.
install_packages() {
  local package data=() others=()
  for package in "${packages_build[@]}"; do
    if [[ $package == dataset-* ]]; then data+=("$package"); else others+=("$package"); fi
  done
  require_packages "${others[@]}"
  (require_packages "${data[@]}") || echo "going on without ${data[*]}" >&2
}

# The page's program with the options of all its calls.
page() { "${programs:-build/release/bin}/reproduction_page" ${size:+"$size"} ${runs:+--runs "$runs"} "$@"; }

# One line an experiment: name, state, and the words that make its run.
look() {
  listed=$(page --list)
  local known name
  known=$(cut -f 1 <<<"$listed")
  for name in "${names[@]}"; do
    grep -qxF -- "$name" <<<"$known" || bad_usage "there is no experiment $name; there are ${known//$'\n'/, }"
  done
}

if [[ -z $programs ]]; then
  install_packages
  build release reproduction_page
  look
  build release experiments/all
  programs=build/release/bin
elif [[ ! -x $programs/reproduction_page ]]; then
  bad_usage "there is no reproduction_page in $programs; build it, or leave out --programs"
fi
look
if ((only_list)); then
  echo "$listed"
  exit
fi

child=0 stopped=0
# The program has a process group of its own: a Ctrl-C at the terminal reaches it through this alone, and once, since a
# second signal would end it without a checkpoint.
stop() {
  ((stopped || !child)) || kill -TERM "$child" 2>/dev/null || true
  stopped=1
}
trap stop INT TERM HUP

# run_one NAME PROGRAM WORD...: the run, begun or gone on with. What it said on standard error stays in its folder, and
# if it failed its last line where the page finds it.
run_one() {
  local name=$1 program=$2 status folder=${*: -1}
  shift 2
  mkdir -p "$folder"
  rm -f "$folder/.failed"
  : >"$folder/.stderr"
  set -m
  "$programs/$program" "$@" --resume 2>"$folder/.stderr" &
  child=$!
  set +m
  tail -q -n +1 -s 0.1 -f --pid="$child" "$folder/.stderr" >&2 &
  local shown=$!
  wait "$child" && status=0 || status=$?
  while kill -0 "$child" 2>/dev/null; do wait "$child" && status=0 || status=$?; done
  ((!stopped)) || { wait "$child" && status=0 || status=$?; }  # a signal may have ended the wait, not the program
  child=0
  wait "$shown" || true
  ((status == 0 || (stopped && status == 130))) && return
  echo "status $status: $(grep -v '^$' "$folder/.stderr" | tail -n 1)" >"$folder/.failed"
  failed+=("$name: $(<"$folder/.failed")")
}

failed=()
while IFS=$'\t' read -r -u 3 -a field; do
  name=${field[0]}
  ((stopped)) && break
  ((${#names[@]})) && ! printf '%s\n' "${names[@]}" | grep -qxF -- "$name" && continue
  case ${field[1]} in
    finished) echo "-- $name: finished before" ;;
    'of other size') failed+=("$name: its folder holds a run of another size; give another --runs") ;;
    'no program') failed+=("$name: there is no program ${field[2]}; is it built?") ;;
    'no data') echo "-- $name: passed over, its data are not on this machine; the page says where they come from" ;;
    *)
      echo "-- $name: ${field[*]:2}"
      run_one "$name" "${field[@]:2}"
      ;;
  esac
done 3<<<"$listed"

page || failed+=('reproduction_page: see above')
((${#failed[@]} == 0)) || printf 'failed: %s\n' "${failed[@]}" >&2
((!stopped)) || exit 130
((${#failed[@]} == 0))
