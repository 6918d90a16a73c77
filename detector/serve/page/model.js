// The classes, their levels and their names for people, as the server tells them.
import { spoken } from "./words.js";

export const LEVELS = ["nothing", "neutral", "good", "warn", "bad"]; // from the lightest
export const SIGNS = { nothing: "–", neutral: "●", good: "✓", warn: "!", bad: "✕" };
export const COLOURS = { neutral: "#3d8bfd", good: "#27a844", warn: "#ffb000", bad: "#ff3b3b" };
export const model = { classes: [], mode: "server" };

export async function loadModel() {
  const answer = await fetch("api/model");
  if (!answer.ok) throw Object.assign(new Error("refused"), { code: (await answer.json()).error });
  Object.assign(model, await answer.json());
}
const unknown = (name) => ({ name, level: "neutral", words: { en: name, ko: name } });
export const meaning = (name) => model.classes.find((one) => one.name === name) ?? unknown(name);
export const named = (one) => one.words[spoken()];
