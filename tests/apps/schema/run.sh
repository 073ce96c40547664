#!/usr/bin/env bash
# run.sh NARROW COMMAND: makes JSON documents by the command, and checks them against docs/schemas/COMMAND.schema.json.
set -euo pipefail

narrow=$1 command=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../../.." && pwd)
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || {
  echo "[skipped] install Debian's python3-jsonschema"
  exit 77
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
weights=$source/models/cifar10_resnet20b.pth
model=$source/models/cifar10_resnet20b.nrw
images=$source/models/demo

# make FILE CODE ARGUMENTS...: what the command prints, whose exit code must be CODE.
make() {
  local file=$folder/$1 expected=$2 code=0
  shift 2
  "$narrow" "$@" >"$file" 2>"$folder/log" || code=$?
  [[ $code == "$expected" ]] || { echo "exit code $code of: narrow $*"; cat "$folder/log"; exit 1; }
}

case $command in
  classify)
    mkdir "$folder/images"
    cp "$images"/*.jpg "$folder/images"
    cp "$folder/images/cat_drawn.jpg" "$folder/images/"$'not utf-8 \xff.jpg'
    printf '\x89PNG\r\n\x1a\nno more' >"$folder/images/broken.png"
    echo note >"$folder/images/note"
    cp "$images/cat_drawn.jpg" "$folder/images/photo.heic"
    make lines 3 classify --jsonl "$folder/images"
    make raw 3 classify --jsonl --scores raw --top 1 "$folder/images" "$folder/missing"
    make document 3 classify --json "$folder/images"
    make other 0 classify --json --scores raw --resize 40 --model "$model" "$images/cat_drawn.jpg"
    make sides 0 classify --json --resize 40,50 "$images/cat_drawn.jpg"
    make failure 1 classify --json --model "$folder/missing" "$folder/images"
    make usage 2 classify --json --top 0 "$folder/images"
    made=(lines raw document other sides failure usage)
    ;;
  inspect)
    cp "$model" "$folder/"$'not utf-8 \xff.nrw'
    make model 0 inspect --json --threads 2 "$model"
    make named 0 inspect --json --layers "$folder/"$'not utf-8 \xff.nrw'
    "$narrow" quantize "$weights" --calibrate "$images" --weights 3 --first-last float --effort fast -o "$folder/mixed.nrw" >"$folder/log"
    make mixed 0 inspect --json "$folder/mixed.nrw"
    made=(model named mixed failure)
    make failure 1 inspect --json "$folder/missing"
    make weights 0 inspect --json "$weights"
    "$narrow" convert "$folder/mixed.nrw" -o "$folder/mixed.onnx" >"$folder/log"
    make onnx 0 inspect --json "$folder/mixed.onnx"
    made+=(weights onnx)
    ;;
  compare)
    make images 0 compare --json "$weights" "$model" "$images"
    make both 0 compare --json "$weights" "$model" "$images" --layers
    make alone 0 compare --json "$weights" "$model" --layers
    make equal 0 compare --json "$model" "$model" "$images" --layers
    make evaluated 0 evaluate --json "$weights" "$model" "$images"
    mkdir -p "$folder/pets/cat" "$folder/pets/dog"
    cp "$images/cat_drawn.jpg" "$folder/pets/cat"
    cp "$images/dog_drawn.jpg" "$folder/pets/dog"
    make labelled 0 compare --json "$weights" "$model" "$folder/pets"
    make usage 2 compare --json "$weights" "$model"
    made=(images both alone equal evaluated labelled usage)
    ;;
esac
/usr/bin/python3 -W ignore "$here/check_json.py" "$source/docs/schemas/$command.schema.json" "${made[@]/#/$folder/}"
