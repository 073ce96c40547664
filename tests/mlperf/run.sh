#!/usr/bin/env bash
# run.sh MLPERF_BENCH NARROW: LoadGen's scenarios for a moment each, and its accuracy mode against narrow evaluate.
set -euo pipefail

bench=$1 narrow=$2
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
model=$source/models/cifar10_resnet20b.nrw
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
names=(airplane automobile bird cat deer dog frog horse ship truck)
for file in "$source"/models/demo/*_drawn.*; do
  name=$(basename "$file")
  for i in "${!names[@]}"; do
    [[ $name == "${names[$i]}"_* ]] && printf '%s\t%s\n' "$file" "$i"
  done
done >"$folder/images.tsv"

run() { "$bench" "$model" "$folder/images.tsv" --seconds 0.3 --logs "$folder" "$@"; }
for scenario in SingleStream MultiStream Offline Server; do
  for threads in 1 2; do
    run --scenario $scenario --threads $threads --batch 4 --rate 200 --bound 500 >"$folder/out" || { cat "$folder/out"; exit 1; }
    grep -q "^Scenario : $scenario" "$folder/out" || { echo "no result of $scenario"; cat "$folder/out"; exit 1; }
    run --scenario $scenario --threads $threads --batch 4 --accuracy | grep '^top-1' >>"$folder/accuracy"
    [[ -s $folder/mlperf_log_accuracy.json ]] || { echo "$scenario has no log of accuracy"; exit 1; }
  done
done
"$narrow" evaluate "$model" "$folder/images.tsv" | sed -n 's/^top-1  *\(.*\)  (\(.*\))/top-1 \1 (\2)/p' >"$folder/expected"
[[ -s $folder/expected ]]
sort -u "$folder/accuracy" | diff "$folder/expected" - || { echo "accuracy differs from narrow evaluate"; exit 1; }
if "$bench" "$model" "$folder/missing" --logs "$folder" 2>/dev/null; then echo "a missing folder is no error"; exit 1; fi
if "$bench" "$model" 2>/dev/null; then echo "missing arguments are no error"; exit 1; fi
