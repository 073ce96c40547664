#!/usr/bin/env bash
# run.sh CHECK NAME: makes the network NAME of torchvision, and has the program CHECK compare it with Narrow.
# Debian's modules are installed for the system's own Python.
set -euo pipefail

if [[ ! -x /usr/bin/python3 ]]; then
  echo "[skipped] /usr/bin/python3 is missing: install Debian's python3-torchvision"
  exit 77
fi
case $2 in
  vgg13 | vgg16 | vgg19 | vgg11_bn | vgg13_bn | vgg16_bn)
    # Two minutes and half a GB each.
    if [[ -z ${NARROW_ALL_NETWORKS:-} ]]; then
      echo "[skipped] vgg11 and vgg19_bn have layers of all its kinds; NARROW_ALL_NETWORKS=1 runs it too"
      exit 77
    fi
    ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
/usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/make_model.py" "$2" "$folder"
"$1" "$folder"
