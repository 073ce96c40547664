#!/usr/bin/env bash
# run.sh CHECK NAME: makes the network NAME of torchvision, and has the program CHECK compare it with Narrow.
# Debian's modules are installed for the system's own Python.
set -euo pipefail

if [[ ! -x /usr/bin/python3 ]]; then
  echo "[skipped] /usr/bin/python3 is missing: install Debian's python3-torchvision"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
/usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/make_model.py" "$2" "$folder"
"$1" "$folder"
