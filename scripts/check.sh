#!/usr/bin/env bash
# Checks the sources: scripts/check.sh [--base REF | --all] [--deep]
#   --base REF  clang-tidy looks at what changed since REF (default: where this branch left main, else the last commit)
#   --all       clang-tidy looks at every file
#   --deep      also builds and tests under the address, undefined-behaviour and thread sanitizers, fuzzes, and runs
#               the slow tests
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

base='' all=0 deep=0
while (($#)); do
  case $1 in
    --base) base=${2:?--base needs a commit}; shift ;;
    --all) all=1 ;;
    --deep) deep=1 ;;
    *) sed -n '2,6s/^# \{0,1\}//p' scripts/check.sh >&2; exit 2 ;;
  esac
  shift
done

layers=(tensor autograd nn optim analysis experiments)
libraries=(tensor autograd nn optim analysis)

# A folder includes from itself and from the folders before it.
check_layers() {
  local below='' layer wrong=0
  for layer in "${layers[@]}"; do
    below+="${below:+|}$layer"
    git grep -nE "#include \"($(IFS='|'; echo "${layers[*]}"))/" -- "$layer" |
      grep -vE "#include \"($below)/" && wrong=1
  done
  return "$wrong"
}

# Of the dependencies only fmt shows in headers that are installed, and JSON in those of the experiments.
check_public_headers() {
  ! git grep -nE '#include <(hwy|tbb|oneapi|nlohmann|CLI|cblas|zlib|zip|png|xxhash|gtest|benchmark)[/.]' -- \
    "${layers[@]/%//*.hpp}" ':!tensor/cpu' ':!experiments/common/json.hpp'
}

# Libraries report through return values and errors.
check_libraries_do_not_print() {
  ! git grep -nE 'std::(cout|cerr|clog)\b|\b(fmt::|std::)?f?printf? ?\(|fmt::print(ln)?\(' -- \
    "${libraries[@]/%//*.[hc]pp}"
}

check_marks() {
  ! git grep -nIE '\b(TODO|FIXME|XXX|HACK)\b|^(<<<<<<<|>>>>>>>)( |$)' -- ':!scripts/check.sh'
}

check_format() {
  git ls-files '*.cpp' '*.hpp' | xargs -r clang-format --dry-run -Werror
}

changed_sources() {
  if ((all)); then
    git ls-files '*.cpp'
    return
  fi
  if [[ -z $base ]]; then
    base=$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main)
    [[ $base != "$(git rev-parse HEAD)" ]] || base=HEAD~1
  fi
  git diff --name-only --diff-filter=d "$base" -- '*.cpp'
}

check_tidy() {
  cmake --preset release >/dev/null
  changed_sources | { grep -v '^tests/consumer/' || true; } |
    xargs -r -P "$(nproc)" -n 1 clang-tidy-16 -p build/release --quiet \
      --extra-arg=-Wno-unknown-warning-option 2>/dev/null
}

check_doxygen() {
  mkdir -p build/docs
  doxygen
}

check_scripts() {
  shellcheck scripts/*.sh .ci/run
}

# Unit tests and the programs with planted faults, built with a sanitizer.
check_sanitizer() {
  build "$1" && ctest --preset "$1" -j "$(nproc)"
}

# Half a minute for each reader of files, from the seeds of tests/fuzz/corpus; what was found before stays in
# build/fuzz/corpus.
check_fuzz() {
  local target name options
  build fuzz fuzz_targets
  for target in build/fuzz/bin/fuzz_*; do
    name=${target##*/fuzz_}
    options=(-max_total_time="${SONDE_FUZZ_SECONDS:-30}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
             -artifact_prefix="build/fuzz/$name-")
    [[ -e tests/fuzz/$name.dict ]] && options+=(-dict="tests/fuzz/$name.dict")
    mkdir -p "build/fuzz/corpus/$name"
    echo "-- $name"
    "$target" "${options[@]}" "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1 ||
      { tail -30 "build/fuzz/$name.log"; return 1; }
    grep -E 'number_of_executed_units' "build/fuzz/$name.log"
  done
}

# Tests that take too long for every change.
check_slow() {
  build release && ctest --test-dir build/release -L slow -LE gpu --output-on-failure
}

failed=()
run() {  # run TITLE FUNCTION [ARGUMENT...]
  local title=$1
  shift
  echo "== $title"
  "$@" || failed+=("$title")
}

require_packages "${packages_build[@]}" "${packages_check[@]}"
run 'layers' check_layers
run 'public headers' check_public_headers
run 'no printing in libraries' check_libraries_do_not_print
run 'no left-over marks' check_marks
run 'scripts' check_scripts
run 'clang-format' check_format
run 'clang-tidy' check_tidy
run 'doxygen' check_doxygen
if ((deep)); then
  require_packages "${packages_deep[@]}"
  run 'address and undefined-behaviour sanitizers' check_sanitizer asan
  run 'thread sanitizer' check_sanitizer tsan
  run 'fuzzing' check_fuzz
  run 'slow tests' check_slow
fi

if ((${#failed[@]})); then
  printf 'failed: %s\n' "${failed[@]}"
  exit 1
fi
echo 'all checks passed'
