// The one place where errors are said. Kept as a key, so that another language says the same.
import { say, whenSpoken } from "./words.js";

const place = document.getElementById("trouble");
let key = "", detail = "";

function write() {
  const text = key ? say(key) + detail : "";
  if (place.textContent !== text) place.textContent = text;
}
export function complain(what, more = "") { [key, detail] = [what, more]; write(); }
export function settle(...what) { if (!what.length || what.includes(key)) complain(""); }
whenSpoken(write);
