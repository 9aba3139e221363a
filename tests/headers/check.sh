#!/usr/bin/env bash
# check.sh COMPILER [HEADER...]: every public header compiles alone and without warnings, and draws in no library that
# only the kernels use. Public is every .hpp of the layers but those of the back ends. JSON is part of the interface of
# experiments/ (settings, log lines), and of no other.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export compiler=$1
shift

check_one() {
  local drawn_in inner='hwy|tbb|oneapi|cblas|lapacke|openblas|CLI|zlib|zip|png'
  [[ $1 == experiments/* ]] || inner+='|nlohmann'
  if ! drawn_in=$(echo "#include \"$1\"" | "$compiler" -std=c++20 -I. -Wall -Wextra -Werror -Wno-unused-function \
    -fsyntax-only -MD -MF /dev/stdout -x c++ -); then
    echo "$1 does not compile alone"
    return 1
  fi
  if [[ $1 != experiments/* ]] && grep -oE '[^ ]*/nlohmann/[^ ]*' <<<"$drawn_in"; then
    echo "$1 draws in JSON, which is part of the interface of experiments/ alone"
    return 1
  fi
  if grep -oE "[^ ]*/($inner)[/.][^ ]*" <<<"$drawn_in"; then
    echo "$1 draws in a library of the kernels, see above"
    return 1
  fi
}
export -f check_one

headers=("$@")
if ((${#headers[@]} == 0)); then
  mapfile -t headers < <(find tensor autograd nn optim analysis experiments -name '*.hpp' \
    ! -path 'tensor/cpu/*' ! -path 'tensor/cuda/*' | sort)
fi
printf '%s\n' "${headers[@]}" | xargs -P "$(nproc)" -I{} bash -c 'check_one {}'
echo "${#headers[@]} headers"
