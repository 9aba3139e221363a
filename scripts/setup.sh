# shellcheck shell=bash
# Sourced by the other scripts, from any folder: goes to the repository's root, names the Debian packages that Sonde
# needs, and installs and builds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# To build, test and run.
packages_build=(
  g++ cmake ninja-build
  libopenblas-pthread-dev libgfortran-12-dev libtbb-dev libfmt-dev libhwy-dev
  libcli11-dev nlohmann-json3-dev zlib1g-dev libzip-dev libxxhash-dev
  libgtest-dev libbenchmark-dev
  dataset-fashion-mnist
)
# For scripts/check.sh.
packages_check=(git clang-format clang-tidy-16 doxygen shellcheck)
# For scripts/check.sh --deep: sanitizers and fuzzing, and a browser in which test_page looks at reports.
packages_deep=(clang-16 libclang-rt-16-dev chromium)

missing_packages() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] || echo "$package"
  done
}

# require_packages NAME...: installs what is missing, or says how and exits.
require_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "no dpkg here: taking it that these Debian packages' contents are installed: $*" >&2
    return
  fi
  local missing as_root=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      printf 'Packages are missing, and only root can install them. Run, as root:\n\n' >&2
      printf '  apt-get update && apt-get install --no-install-recommends -y %s\n\n' "${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --no-install-recommends -qq -y "${missing[@]}" >/dev/null
}

# Compilers at a time: one a CPU, and 1.5 GiB for each.
build_jobs() {
  local by_memory
  by_memory=$(awk '/^MemAvailable/ { print int($2 / 1572864) }' /proc/meminfo)
  local jobs
  jobs=$(nproc)
  ((by_memory < jobs)) && jobs=$by_memory
  ((jobs < 1)) && jobs=1
  echo "$jobs"
}

# build PRESET [TARGET...]: configures and builds. SONDE_CMAKE_ARGS holds further arguments for CMake.
build() {
  local preset=$1 targets=()
  shift
  (($#)) && targets=(--target "$@")
  # shellcheck disable=SC2086  # a list of arguments
  cmake --preset "$preset" ${SONDE_CMAKE_ARGS:-} >/dev/null
  cmake --build --preset "$preset" -j "$(build_jobs)" "${targets[@]}"
}
