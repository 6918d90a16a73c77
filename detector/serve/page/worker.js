// The network at work, apart from the page, so that the page stays quick. What it loads comes from this page's server;
// what it looks at goes nowhere.
// In: {open: what the server says of the model}, then {frame: ImageBitmap, number}.
// Out: {loaded, total}, {ready: cores}, {failed: code, detail}, {number, size, boxes}.
import { decode } from "./decode.js";
import { toSquare } from "./letterbox.js";

const MOST_THREADS = 4, TELL_MS = 100;
const canvas = new OffscreenCanvas(1, 1), pen = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
let ort = null, session = null, network = null;

class Failure extends Error {
  constructor(code, detail = "") { super(code); Object.assign(this, { code, detail }); }
}

// Both files, with word of how far they are.
async function load(parts) {
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  let loaded = 0, told = 0;
  return Promise.all(parts.map(async ({ url, bytes }) => {
    let answer, at = 0;
    try { answer = await fetch(url); } catch { throw new Failure("gone"); }
    if (!answer.ok) throw new Failure(answer.status === 401 ? "token" : "gone");
    const content = new Uint8Array(bytes), reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read().catch(() => { throw new Failure("gone"); });
      if (done) break;
      if (at + value.length > bytes) throw new Failure("changed"); // the server has another than it told of
      content.set(value, at);
      at += value.length;
      loaded += value.length;
      if (performance.now() - told > TELL_MS) { told = performance.now(); postMessage({ loaded, total }); }
    }
    if (at < bytes) throw new Failure(Number(answer.headers.get("content-length")) === at ? "changed" : "gone");
    return content;
  }));
}

async function open(model) {
  network = model.network;
  const folder = new URL(`../${model.runtime.url}`, import.meta.url), wasm = new URL("ort-wasm-simd-threaded.wasm", folder);
  const [binary, file] = await load([
    { url: wasm, bytes: model.runtime.bytes },
    { url: new URL(`../${network.url}`, import.meta.url), bytes: network.bytes },
  ]);
  try { ort = await import(new URL("ort.wasm.min.mjs", folder)); } catch { throw new Failure("gone"); }
  const cores = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
  Object.assign(ort.env.wasm, { wasmPaths: folder.href, wasmBinary: binary, numThreads: cores });
  try {
    session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
  } catch (error) {
    throw new Failure("unopened", String(error.message ?? error));
  }
  await look(new ImageData(network.side, network.side)); // the first takes longer
  postMessage({ ready: cores });
}

async function look(pixels) {
  const { side } = network, square = new ort.Tensor("float32", toSquare(pixels, side), [1, 3, side, side]);
  const outputs = await session.run({ pictures: square });
  const boxes = decode(outputs, network, pixels.width, pixels.height);
  for (const one of Object.values(outputs)) one.dispose();
  return boxes;
}

async function answer({ frame, number }) {
  const { width, height } = frame;
  Object.assign(canvas, { width, height });
  pen.drawImage(frame, 0, 0);
  frame.close();
  postMessage({ number, size: [width, height], boxes: await look(pen.getImageData(0, 0, width, height)) });
}

async function hear(data) {
  try {
    await (data.open ? open(data.open) : answer(data));
  } catch (error) {
    postMessage({ failed: error.code ?? "broken", detail: error.code ? error.detail : String(error.message ?? error) });
  }
}
let turn = Promise.resolve(); // one after the other
self.onmessage = ({ data }) => { turn = turn.then(() => hear(data)); };
