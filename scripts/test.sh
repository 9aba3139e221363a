#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test that needs neither patience nor a GPU.
#   scripts/test.sh [ARGUMENTS OF CTEST]
#   scripts/test.sh --promises [--bless]  only the tests that docs/promises.md names, slow ones too; scripts/promises.sh
#                                         prints which promises are kept
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

require_packages "${packages_build[@]}"
build release
if [[ ${1:-} == --promises ]]; then
  shift
  exec scripts/promises.sh "$@"
fi
exec ctest --test-dir build/release --label-exclude 'slow|gpu' --output-on-failure -j "$(nproc)" "$@"
