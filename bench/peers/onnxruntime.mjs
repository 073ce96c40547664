// ONNX Runtime as one contender of run.py: onnxruntime.mjs MODEL.onnx INPUT THREADS
// INPUT: float32 [batch, channels, height, width]. Answers "ready MILLISECONDS", then a line of scores; then for each line
// "N" on stdin runs N batches and answers with the seconds. The package is looked for in NARROW_PEERS_NODE.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(`${process.env.NARROW_PEERS_NODE}/`);
const ort = require('onnxruntime-node');
const [model, input, threads] = process.argv.slice(2);

const start = performance.now();
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
});
const created = performance.now() - start;

const bytes = readFileSync(input);
const shape = new Int32Array(bytes.buffer, bytes.byteOffset, 4);
const values = new Float32Array(bytes.buffer, bytes.byteOffset + 16, (bytes.length - 16) / 4);
const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', values, Array.from(shape)) };
const outputs = await session.run(feeds);
console.log(`ready ${created.toFixed(3)}`);
console.log(Array.from(outputs[session.outputNames[0]].data).join(' '));

for await (const line of createInterface({ input: process.stdin })) {
  const begin = performance.now();
  for (let i = 0; i < Number(line); ++i) await session.run(feeds);
  console.log(((performance.now() - begin) / 1000).toFixed(9));
}
