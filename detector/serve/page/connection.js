// How the page stands with what looks at its frames: the server's connection, or the network loaded into the page.
import { model } from "./model.js";
import { say, whenSpoken } from "./words.js";

const by = (id) => document.getElementById(id);
const MEGA = 1e6;
let state = "closed", what = null;

function write() {
  const here = model.mode === "browser";
  by("connection-name").textContent = say(here ? "network" : "connection");
  by("trip-name").textContent = say(here ? "time" : "trip");
  const text = state === "open" && here ? say("network-open", what) : say(`${here ? "network" : "connection"}-${state}`);
  if (by("connection").textContent !== text) by("connection").textContent = text;
  by("loading").hidden = state !== "loading";
  by("note").textContent = here && state === "open" && what === 1 ? say(self.crossOriginIsolated ? "one" : "apart") : "";
  if (state !== "loading") return;
  const [loaded, total] = [what.loaded, what.total].map((bytes) => Math.round(bytes / MEGA));
  by("loading-words").textContent = say("loading", loaded, total);
  by("progress").max = what.total;
  by("progress").value = what.loaded;
}

export function showConnection(now, told) { [state, what] = [now, told]; write(); }
whenSpoken(write);
