#!/usr/bin/env bash
# Sonde against PyTorch and JAX, side by side: scripts/bench.sh [--venv DIR] [arguments of bench/compare.py]
#   --venv DIR  the Python environment of the peers, made and filled if it is not there
#               (default: $SONDE_PEERS, else ${XDG_CACHE_HOME:-$HOME/.cache}/sonde/peers)
# Writes out/bench/results.json, table.md and ratios.svg. A run that was stopped goes on where it was. bench/README.md
# says how to read the table; --help lists the other arguments (--quick, --threads 1, --rows 'matmul/*', ...).
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# Versions that the published table was measured with.
peers=(torch==2.15.0 jax==0.10.2 numpy curvlinops-for-pytorch==3.0.1 pyhessian==0.1)

venv=${SONDE_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/sonde/peers}
arguments=()
while (($#)); do
  case $1 in
    --venv) venv=${2:?--venv needs a folder}; shift ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

# Does the environment have every package, in the version that is named?
has_peers() {
  [[ -x $venv/bin/python ]] && "$venv/bin/python" - "${peers[@]}" <<'END'
import sys
from importlib.metadata import PackageNotFoundError, version

for pin in sys.argv[1:]:
    name, _, wanted = pin.partition("==")
    try:
        if version(name) != (wanted or version(name)):
            sys.exit(1)
    except PackageNotFoundError:
        sys.exit(1)
END
}

install_peers() {
  echo "installing ${peers[*]} into $venv"
  [[ -x $venv/bin/python ]] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet "${peers[@]}"
}

require_packages "${packages_build[@]}" python3 python3-venv
has_peers || install_peers
build release bench_peer
exec "$venv/bin/python" bench/compare.py "${arguments[@]}"
