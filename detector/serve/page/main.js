// The page: buttons, one loop (a frame, its answer, what it shows), and one picture at a time.
import { drawBoxes } from "./boxes.js";
import { showConnection } from "./connection.js";
import { Local } from "./local.js";
import { loadModel, model } from "./model.js";
import { Live } from "./socket.js";
import { clear, openCamera, openPicture, openVideo, takeFrame } from "./source.js";
import { measured, took, unmeasured } from "./speed.js";
import { complain, settle } from "./trouble.js";
import { tell } from "./verdict.js";
import { say, show, speak, whenSpoken } from "./words.js";

const by = (id) => document.getElementById(id);
const IDLE = 1001, BUSY = 1013;
export let last = null; // the answer that is shown
let live = null, running = 0; // live: what looks at frames, there once the model is known

// What becomes of the connection to the server, or of the network in the page.
function heard(state, what) {
  showConnection(state, what);
  if (state === "waiting" && what !== IDLE) complain(what === BUSY ? "busy" : "gone");
  if (state === "failed") complain(what.code, what.detail ? ` (${what.detail})` : "");
  if (state === "open") model.mode === "browser" ? settle("gone", "token") : load();
}

function present(answer) {
  last = answer;
  drawBoxes(answer);
  tell(answer);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function run(number) {
  await modelKnown;
  if (running === number) live.start();
  while (running === number) {
    const frame = live.open ? await takeFrame(live.pack) : null;
    if (!frame || !live.open) { await pause(50); continue; }
    const start = performance.now(), answer = await live.ask(frame);
    if (running !== number || !answer) continue;
    if (answer.error) { complain(answer.error); await pause(500); continue; }
    settle();
    measured(performance.now() - start);
    present(answer);
    await new Promise(requestAnimationFrame);
  }
}

function stop() {
  running += 1;
  live?.stop();
  clear();
  unmeasured();
  present(null);
  by("stop").hidden = true;
}

async function begin(open, goLive) {
  stop();
  settle();
  const number = running;
  if (!await open() || running !== number) return false;
  by("stop").hidden = false;
  if (goLive) run(number);
  return true;
}

async function lookAt(file) {
  if (!file.type.startsWith("image/")) { await begin(() => openVideo(file), true); return; }
  if (!await begin(() => openPicture(file), false)) return;
  const number = running;
  await modelKnown;
  const start = performance.now(), answer = await live.look(file);
  if (running !== number || !answer) return;
  if (answer.error) { complain(answer.error); return; }
  took(answer.took ?? performance.now() - start);
  present(answer);
}

by("camera").addEventListener("click", () => begin(() => openCamera(stop), true));
by("stop").addEventListener("click", () => { stop(); settle(); by("camera").focus(); });
by("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) lookAt(file);
});
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => speak(button.dataset.language));
}
document.addEventListener("visibilitychange", () => { if (document.hidden) unmeasured(); });
whenSpoken(() => {
  by("mode").textContent = say(`mode-${model.mode}`);
  by("mode").dataset.mode = model.mode;
  present(last);
});

// At the start, and whenever a server is there again: it may have another model, or want another token.
async function load() {
  try {
    await loadModel();
    settle("gone", "token");
    show();
  } catch (error) {
    complain(error.code ?? "gone");
  }
  return model.classes.length > 0;
}

async function know() {
  for (let wait = 500; !await load(); wait = Math.min(2 * wait, 15000)) await pause(wait);
  live = new (model.mode === "browser" ? Local : Live)(heard);
}
show();
const modelKnown = know();
