#!/usr/bin/env bash
# run.sh NARROW COMMAND: makes JSON documents by the command, and checks them against docs/schemas/COMMAND.schema.json.
# run.sh NARROW all: every command with --json has a schema, and docs/cli.md names it.
set -euo pipefail

narrow=$1 command=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../../.." && pwd)
if [[ $command == all ]]; then
  missing=0 found=0
  for name in $("$narrow" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
    "$narrow" "$name" --help-all | grep -q -e '--json' || continue
    found=$((found + 1))
    [[ -f $source/docs/schemas/$name.schema.json ]] || { echo "$name has --json and no schema"; missing=1; }
    grep -q "(schemas/$name.schema.json)" "$source/docs/cli.md" || { echo "docs/cli.md does not name the schema of $name"; missing=1; }
  done
  ((found >= 3)) || { echo "only $found commands with --json were found"; missing=1; }
  exit "$missing"
fi

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
  evaluate)
    mkdir -p "$folder/pets/cat" "$folder/pets/dog"
    cp "$images/cat_drawn.jpg" "$folder/pets/cat/"$'not utf-8 \xff.jpg'
    cp "$images/dog_drawn.jpg" "$folder/pets/dog"
    echo note >"$folder/pets/dog/note"
    make model 0 evaluate --json "$model" "$folder/pets" --scores "$folder/"$'scores \xff.f32'
    make weights 0 evaluate --json "$weights" "$folder/pets"
    make shard1 0 evaluate --json "$model" "$folder/pets" --shard 1/2
    make shard2 0 evaluate --json "$model" "$folder/pets" --shard 2/2
    make merged 0 evaluate --json --merge "$folder/shard1" "$folder/shard2"
    make failure 1 evaluate --json "$model" "$images"
    made=(model weights shard1 shard2 merged failure)
    ;;
  quantize)
    make named 0 quantize --json "$weights" --calibrate "$images" -o "$folder/"$'not utf-8 \xff.nrw'
    make none 0 quantize --json "$weights" --calibrate none -o "$folder/none.nrw"
    make mixed 0 quantize --json "$weights" --calibrate "$images" --weights 2 --activations 4 --effort fast --first-last float \
      --evaluate "$images" -o "$folder/mixed.nrw"
    make goal 0 quantize --json "$weights" --calibrate "$images" --size 140000 --effort fast -o "$folder/goal.nrw"
    make changed 0 quantize --json "$weights" --calibrate "$images" --max-drop 10 --effort fast -o "$folder/goal.nrw"
    make time 0 quantize --json "$weights" --calibrate "$images" --time 50 --effort fast -o "$folder/goal.nrw"
    make failure 1 quantize --json "$weights" --calibrate "$folder/missing" -o "$folder/no.nrw"
    make usage 2 quantize --json "$weights" --calibrate "$images" --weights 9 -o "$folder/no.nrw"
    made=(named none mixed goal changed time failure usage)
    ;;
  convert)
    make weights 0 convert --json "$weights" -o "$folder/net.onnx"
    make onnx 0 convert --json "$folder/net.onnx" -o "$folder/"$'float \xff.nrw'
    make model 0 convert --json "$model" -o "$folder/"$'model \xff.onnx'
    cp "$folder/"$'model \xff.onnx' "$folder/model.onnx"
    make qdq 0 convert --json "$folder/model.onnx" -o "$folder/again.nrw"
    make safetensors 0 convert --json "$weights" -o "$folder/net.safetensors"
    make failure 1 convert --json "$folder/missing.onnx" -o "$folder/no.nrw"
    made=(weights onnx model qdq safetensors failure)
    ;;
  pack)
    cp "$model" "$folder/"$'not utf-8 \xff.nrw'
    make packed 0 pack --json "$folder/"$'not utf-8 \xff.nrw' --isa scalar
    make failure 1 pack --json "$folder/missing.nrw"
    made=(packed failure)
    ;;
  bundle)
    cp "$model" "$folder/"$'not utf-8 \xff.nrw'
    make this 0 bundle --json "$model" -o "$folder/program"
    make other 0 bundle --json "$folder/"$'not utf-8 \xff.nrw' --command "$narrow" -o "$folder/"$'program \xff'
    make failure 1 bundle --json "$folder/missing.nrw" -o "$folder/no"
    made=(this other failure)
    ;;
  embed-source)
    make model 0 embed-source --json "$model" -o "$folder/"$'model \xff.cpp'
    make failure 1 embed-source --json "$folder/missing.nrw" -o "$folder/no.cpp"
    made=(model failure)
    ;;
  sweep)
    make unlabelled 0 sweep --json "$weights" --bits 8 3/8 --effort fast --calibrate "$images" --evaluate "$images" \
      -o "$folder/"$'not utf-8 \xff'
    mkdir -p "$folder/pets/cat" "$folder/pets/dog"
    cp "$images/cat_drawn.jpg" "$folder/pets/cat"
    cp "$images/dog_drawn.jpg" "$folder/pets/dog"
    make labelled 0 sweep --json "$weights" --bits 8 --effort fast --calibrate "$images" --evaluate "$folder/pets" -o "$folder/study2"
    make failure 1 sweep --json "$folder/missing" --calibrate "$images" --evaluate "$images" -o "$folder/no"
    made=(unlabelled labelled failure)
    ;;
  bench)
    cp "$model" "$folder/"$'not utf-8 \xff.nrw'
    make stream 0 bench --json "$folder/"$'not utf-8 \xff.nrw' --duration 0.05 --layers
    make offline 0 bench --json "$model" --duration 0.05 --scenario Offline --batch 4 --threads 2
    make server 0 bench --json "$model" --duration 0.2 --scenario Server --rate 100
    make bound 0 bench --json "$model" --duration 0.2 --scenario Server --rate 100 --latency-bound 500
    make frame 0 bench --json "$model" --duration 0.05 --frame 64x48,rgb
    make weights 0 bench --json "$weights" --duration 0.05
    make failure 1 bench --json "$folder/missing"
    made=(stream offline server bound frame weights failure)
    ;;
  trace)
    cp "$images/cat_drawn.jpg" "$folder/"$'not utf-8 \xff.jpg'
    make model 0 trace --json "$model" "$folder/"$'not utf-8 \xff.jpg' -o "$folder/tensors"
    make against 0 trace --json "$model" "$images/cat_drawn.jpg" --against "$weights" -o "$folder/tensors2"
    make equal 0 trace --json "$model" "$images/cat_drawn.jpg" --against "$model" -o "$folder/tensors3"
    make weights 0 trace --json "$weights" "$images/cat_drawn.jpg" -o "$folder/tensors4"
    make failure 1 trace --json "$model" "$folder/missing" -o "$folder/no"
    made=(model against equal weights failure)
    ;;
  embed)
    mkdir "$folder/images"
    cp "$images/cat_drawn.jpg" "$folder/images/"$'not utf-8 \xff.jpg'
    cp "$images/dog_drawn.jpg" "$folder/images"
    make vectors 0 embed --json "$model" "$folder/images" -o "$folder/"$'vectors \xff.npy'
    printf '\x89PNG\r\n\x1a\nno more' >"$folder/images/broken.png"
    make broken 3 embed --json "$model" "$folder/images" -o "$folder/vectors.npy"
    make failure 1 embed --json "$folder/missing" "$images" -o "$folder/no.npy"
    made=(vectors broken failure)
    ;;
  architectures | operators)
    make document 0 "$command" --json
    make usage 2 "$command" --json unexpected
    made=(document usage)
    ;;
esac
/usr/bin/python3 -W ignore "$here/check_json.py" "$source/docs/schemas/$command.schema.json" "${made[@]/#/$folder/}"
