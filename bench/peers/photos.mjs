// The whole way from a file with other libraries: sharp (libvips, libjpeg-turbo) decodes, resizes and crops, ONNX Runtime runs
// the network. photos.mjs MODEL.onnx FOLDER THREADS [SIZE CROP]
// Every thread takes a picture at a time. Prints "pictures SECONDS" and the classes, one a line. The packages are looked for in
// NARROW_PEERS_NODE.
import { createRequire } from 'node:module';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const require = createRequire(`${process.env.NARROW_PEERS_NODE}/`);
const ort = require('onnxruntime-node');
const sharp = require('sharp');
const [model, folder, threads, size = '256', crop = '224'] = process.argv.slice(2);
const side = Number(crop);
const mean = [0.485, 0.456, 0.406];
const std = [0.229, 0.224, 0.225];
sharp.concurrency(1);
sharp.cache(false);

const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
});

async function classify(file, values) {
  const picture = await sharp(file).resize(Number(size), Number(size), { fit: 'outside' }).removeAlpha().toColourspace('srgb')
    .raw().toBuffer({ resolveWithObject: true });
  const { width, height } = picture.info;
  const top = Math.round((height - side) / 2);
  const left = Math.round((width - side) / 2);
  const plane = side * side;
  for (let channel = 0; channel < 3; ++channel) {
    const factor = 1 / (255 * std[channel]);
    const shift = mean[channel] / std[channel];
    for (let y = 0; y < side; ++y) {
      let from = ((top + y) * width + left) * 3 + channel;
      let to = channel * plane + y * side;
      for (let x = 0; x < side; ++x, from += 3) values[to++] = picture.data[from] * factor - shift;
    }
  }
  const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', values, [1, 3, side, side]) });
  const scores = outputs[session.outputNames[0]].data;
  let best = 0;
  for (let c = 1; c < scores.length; ++c) if (scores[c] > scores[best]) best = c;
  return best;
}

const files = readdirSync(folder).sort().map((name) => join(folder, name));
const classes = new Array(files.length);
const begin = performance.now();
let next = 0;
await Promise.all(Array.from({ length: Number(threads) }, async () => {
  const values = new Float32Array(3 * side * side);
  while (next < files.length) {
    const index = next++;
    classes[index] = await classify(files[index], values);
  }
}));
console.log(`${files.length} ${((performance.now() - begin) / 1000).toFixed(3)}`);
console.log(classes.join('\n'));
