#!/usr/bin/env bash
# Installs what is missing, builds, and prints what this machine offers.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

require_packages "${packages_build[@]}"
build release sonde_info
exec build/release/bin/sonde_info "$@"
