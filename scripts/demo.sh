#!/usr/bin/env bash
# Installs what is missing, builds, says what this machine offers, and runs the first experiment on a small scale: below
# five minutes on two cores. Its last lines say what the report says, and where it lies. Arguments take the place of
# those of the quick run; --help lists them.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

require_packages "${packages_build[@]}"
build release sonde_info sensitivity_vision
build/release/bin/sonde_info
(($#)) || set -- --quick
exec build/release/bin/sensitivity_vision "$@"
