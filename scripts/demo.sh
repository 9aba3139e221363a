#!/usr/bin/env bash
# Installs what is missing, builds, says what this machine offers, and runs the first experiment: a minute or two on two
# cores. Its last line says where the report lies. Arguments take the place of those of the quick run; --help lists them.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

require_packages "${packages_build[@]}"
build release sonde_info sensitivity_vision
build/release/bin/sonde_info
(($#)) || set -- --models mlp --quick
exec build/release/bin/sensitivity_vision "$@"
