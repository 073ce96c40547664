#!/usr/bin/env bash
# run.sh NARROW MODULES CHECK: makes a report about a 2-bit network, or a sweep, and has CHECK look at it: "schema" checks
# the JSON document of the report against its schema, "page" its HTML file in Chromium, "sweep" that of the sweep.
set -euo pipefail

narrow=$1 modules=$2 check=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../../.." && pwd)

skip() {
  echo "[skipped] $*"
  exit 77
}

if [[ $check == schema ]]; then
  /usr/bin/python3 -c 'import jsonschema' 2>/dev/null || skip "install Debian's python3-jsonschema"
else
  command -v node >/dev/null || skip "node is missing: install Debian's nodejs"
  command -v chromium >/dev/null || skip "chromium is missing: install Debian's chromium"
  [[ -f $modules/playwright-core/package.json && -f $modules/axe-core/axe.min.js ]] ||
    skip "playwright-core and axe-core are not in $modules: ./dev test fetches them where npm is there"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Names that would end an element or start one, if they became markup.
images="$folder/<img src=x onerror=document.title='owned'>"
mkdir -p "$images/class<"
cp "$source"/models/demo/*.jpg "$images/class<"
hostile="</script><img src=x onerror=document.title='owned'>"
for class in 0 1 2 3 4 5 6 7 8 9; do echo "$hostile $class"; done >"$folder/labels.txt"
model="$folder/<b>net&.nrw"
weights=$source/models/cifar10_resnet20b.pth
no_pages() {
  [[ $1 == *"has no pages"* ]] && skip "this build of narrow has no pages: npm was not there"
  echo "$1"
  exit 1
}

if [[ $check == sweep ]]; then
  # Names with markup and with a quote.
  cp "$weights" "$folder/<b>it's&.pth"
  cp "$weights" "$folder/other.pth"
  log=$("$narrow" sweep "$folder/<b>it's&.pth" "$folder/other.pth" --arch cifar_resnet20b --calibrate "$images/class<" --evaluate "$images/class<" \
    --bits 8 3 2 --effort fast -o "$folder/it's study" --page "$folder/sweep.html" --threads 2 2>&1) || no_pages "$log"
  NARROW_PAGE_TEST_MODULES=$modules node "$here/check_sweep.mjs" "$folder/sweep.html"
  exit 0
fi
"$narrow" quantize "$weights" --arch cifar_resnet20b --calibrate "$source/models/demo" --weights 2 --activations 2 \
  --effort fast --first-last off -o "$model" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
report=("$narrow" report "$model" --against "$weights" --arch cifar_resnet20b --labels "$folder/labels.txt"
  --pictures "$images/class<"/*.jpg --remedies "$images/class<" --duration 0.05 --threads 2)

if [[ $check == schema ]]; then
  "${report[@]}" --json >"$folder/full.json"
  "$narrow" report "$model" --duration 0.05 --json >"$folder/alone.json"
  /usr/bin/python3 -W ignore "$here/check_schema.py" "$source/docs/schemas/report.schema.json" "$folder/full.json" "$folder/alone.json"
else
  log=$("${report[@]}" -o "$folder/report.html" 2>&1) || no_pages "$log"
  "$narrow" report "$model" --duration 0.05 -o "$folder/alone.html" >/dev/null
  NARROW_PAGE_TEST_MODULES=$modules node "$here/check_page.mjs" "$folder/report.html" "$folder/alone.html" "$hostile"
fi
