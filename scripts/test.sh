#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test that needs neither patience nor a GPU.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

require_packages "${packages_build[@]}"
build release
exec ctest --test-dir build/release --label-exclude 'slow|gpu' --output-on-failure -j "$(nproc)" "$@"
