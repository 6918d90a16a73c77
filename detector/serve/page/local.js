// The network in the page: what `Live` of socket.js is for the server. One frame under way at a time, in a worker; what
// went wrong while it loads is tried again after 1 s, 2 s, ... 15 s where that can help.
import { LEVELS, model } from "./model.js";

const FIRST_MS = 1000, MOST_MS = 15000, ANSWER_MS = 60000;
// The smallest module that needs 128-bit vectors, which the runtime is compiled for: i32.const 0, i8x16.splat, drop.
const VECTORS = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11];

// What this browser lacks, as a word's key, or nothing.
function lacking() {
  if (typeof WebAssembly === "undefined" || typeof Worker === "undefined") return "no-wasm";
  if (typeof OffscreenCanvas === "undefined" || typeof createImageBitmap === "undefined") return "no-wasm";
  return WebAssembly.validate(new Uint8Array(VECTORS)) ? "" : "no-simd";
}

export class Local {
  constructor(said) {
    this.said = said; // (state, what): loading {loaded, total}, open cores, failed {code, detail}
    this.wait = FIRST_MS;
    this.open = false;
    this.asked = new Map(); // what waits for an answer, by the frame's number
    this.number = 0;
    this.#begin();
  }
  start() { if (!this.worker) this.#begin(); }
  stop() {} // the network stays for the next time

  pack(canvas) { return createImageBitmap(canvas); }

  // The answer to a frame; null where it is lost.
  ask(frame) {
    return new Promise((resolve) => {
      const number = ++this.number, late = setTimeout(() => this.#fail({ code: "stuck" }), ANSWER_MS);
      this.asked.set(number, (answer) => { clearTimeout(late); this.asked.delete(number); resolve(answer); });
      this.worker.postMessage({ frame, number }, [frame]);
    });
  }

  // The answer to a file of the user's, which stays here.
  async look(file) {
    const frame = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => null);
    if (!frame || frame.width * frame.height > model.limits.pixels) return { error: "picture" };
    this.start();
    await this.settled;
    if (!this.open) return null;
    const start = performance.now(), answer = await this.ask(frame);
    return answer && { ...answer, took: performance.now() - start }; // without what was waited for the network
  }

  #begin() {
    clearTimeout(this.timer);
    this.settled = new Promise((resolve) => { this.settle = resolve; });
    const missing = lacking();
    if (missing) { this.#fail({ code: missing }); return; }
    this.said("loading", { loaded: 0, total: 0 });
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.#hear(data);
    this.worker.onerror = (error) => { error.preventDefault(); this.#fail({ code: "gone", detail: "" }); };
    this.worker.postMessage({ open: { network: model.network, runtime: model.runtime } });
  }
  #hear(data) {
    if (data.failed) { this.#fail({ code: data.failed, detail: data.detail }); return; }
    if (data.boxes) { this.asked.get(data.number)?.(answered(data)); return; }
    if (!data.ready) { this.said("loading", data); return; }
    this.wait = FIRST_MS;
    this.open = true;
    this.settle();
    this.said("open", data.ready);
  }
  #fail(what) {
    this.worker?.terminate();
    this.worker = null;
    this.open = false;
    for (const answer of [...this.asked.values()]) answer(null);
    this.said("failed", what);
    if (what.code !== "gone") { this.settle(); return; }
    this.timer = setTimeout(() => this.#begin(), this.wait);
    this.wait = Math.min(2 * this.wait, MOST_MS);
  }
}

// As the server answers.
function answered({ size: [width, height], boxes }) {
  const counts = Object.fromEntries(model.classes.map(({ name }) => [name, 0]));
  let level = "nothing";
  for (const { number } of boxes) {
    const one = model.classes[number];
    counts[one.name] += 1;
    if (LEVELS.indexOf(one.level) > LEVELS.indexOf(level)) level = one.level;
  }
  const named = boxes.map(({ xyxy, number, score }) => ({ xyxy, class: model.classes[number].name, score }));
  return { width, height, boxes: named, counts, level };
}
