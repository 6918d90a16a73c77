// What is seen, in words, a sign and a colour; and how many of each class. A screen reader hears it when it changes,
// at most every SPEAK_MS, and then the newest.
import { SIGNS, model, named } from "./model.js";
import { say } from "./words.js";

const place = document.getElementById("verdict"), words = document.getElementById("verdict-words");
const sign = document.getElementById("verdict-sign"), counts = document.getElementById("counts");
const spoken = document.getElementById("spoken"), SPEAK_MS = 2000;
let speaking = 0;

function speakSoon() {
  speaking ||= setTimeout(() => {
    speaking = 0;
    if (spoken.textContent !== words.textContent) spoken.textContent = words.textContent;
  }, SPEAK_MS);
}

export function tell(answer) {
  const level = answer?.level ?? "nothing";
  place.dataset.level = level;
  sign.textContent = SIGNS[level];
  const gravest = model.classes.filter((one) => one.level === level && answer?.counts[one.name]);
  const listed = gravest.map((one) => `${named(one)} × ${answer.counts[one.name]}`).join(", ");
  const text = listed || say(answer ? "nothing" : "ready");
  if (words.textContent !== text) words.textContent = text;
  speakSoon();
  counts.replaceChildren(...model.classes.filter((one) => shown(one, answer)).map((one) => row(one, answer)));
}

// With many classes, those that are there.
const shown = (one, answer) => model.classes.length <= 12 || answer?.counts[one.name];

function row(one, answer) {
  const line = document.createElement("tr"), name = document.createElement("th"), mark = document.createElement("span");
  const count = document.createElement("td");
  name.scope = "row";
  mark.className = "sign";
  mark.dataset.level = one.level;
  mark.ariaHidden = "true";
  mark.textContent = SIGNS[one.level];
  name.append(mark, named(one));
  count.textContent = answer?.counts[one.name] ?? 0;
  line.append(name, count);
  return line;
}
