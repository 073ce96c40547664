// The scores of many images by ONNX Runtime: onnxruntime_scores.mjs MODEL.onnx INPUT OUTPUT THREADS
// INPUT: int32 [4], the shape, and float32 [images, channels, height, width]. OUTPUT: float32 [images, classes] is written.
// The package is looked for in NARROW_PEERS_NODE.
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.NARROW_PEERS_NODE}/`);
const ort = require('onnxruntime-node');
const [model, input, output, threads] = process.argv.slice(2);

const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
});
const file = openSync(input);
const shape = new Int32Array(4);
readSync(file, shape);
const [images, ...image] = shape;
const values = new Float32Array(image.reduce((a, b) => a * b));
const scores = [];
for (let i = 0; i < images; ++i) {
  readSync(file, values);
  const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', values, [1, ...image]) });
  scores.push(outputs[session.outputNames[0]].data.slice());
}
closeSync(file);
writeFileSync(output, Buffer.concat(scores.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength))));
