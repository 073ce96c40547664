#!/usr/bin/env bash
# run_document.sh DOCUMENT BUILD FOLDER: runs the sh blocks of a document, one after the other, in a folder that looks like a
# checkout with this build. ./dev is left out: the build is there.
set -euo pipefail

document=$1 build=$2 folder=$3
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rm -rf "$folder"
mkdir -p "$folder/build"
ln -s "$source/models" "$source/examples" "$folder"
ln -s "$build" "$folder/build/release"
{
  echo "set -euo pipefail"
  echo 'export PATH="$PWD/build/release:$PATH"'
  awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$document" | grep -v '^\./dev '
} >"$folder/commands.sh"
[[ $(wc -l <"$folder/commands.sh") -gt 20 ]] || { echo "no commands in $document"; exit 1; }
cd "$folder"
status=0
bash commands.sh >log 2>&1 || status=$?
if [[ $status != 0 ]] && grep -q "has no pages" log; then
  echo "[skipped] this build of narrow has no pages: npm was not there"
  exit 77
fi
[[ $status == 0 ]] || tail -20 log
exit "$status"
