// Runs ONNX files with the real ONNX Runtime: node run_onnxruntime.js JOBS
// JOBS is a JSON list of {model, input, output, shape, tokens}: float32 files, the shape with its batch, and whether the
// input are whole numbers. NODE_PATH must lead to onnxruntime-node. Without JOBS: prints the version.
const fs = require("fs");
const runtime = require("onnxruntime-node");

async function run(job) {
  const session = await runtime.InferenceSession.create(job.model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const bytes = fs.readFileSync(job.input);
  const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const input = job.tokens
    ? new runtime.Tensor("int64", BigInt64Array.from(floats, (value) => BigInt(value)), job.shape)
    : new runtime.Tensor("float32", Float32Array.from(floats), job.shape);
  const result = (await session.run({ [session.inputNames[0]]: input }))[session.outputNames[0]];
  fs.writeFileSync(job.output, Buffer.from(result.data.buffer, result.data.byteOffset, result.data.byteLength));
}

async function main() {
  if (process.argv.length < 3) return;
  for (const job of JSON.parse(fs.readFileSync(process.argv[2], "utf8"))) {
    try {
      await run(job);
    } catch (error) {
      console.error(job.model + ": " + error.message);
      process.exitCode = 1;
    }
  }
}
main();
