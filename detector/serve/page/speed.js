// Frames a second and time there and back, of the last two seconds.
const rate = document.getElementById("rate"), trip = document.getElementById("trip");
const SPAN_MS = 2000;
let past = [];

export function measured(ms) {
  const now = performance.now();
  past.push([now, ms]);
  past = past.filter(([at]) => now - at <= SPAN_MS);
  const span = now - past[0][0];
  if (past.length > 1) rate.textContent = ((past.length - 1) / span * 1000).toFixed(1);
  trip.textContent = `${Math.round(past.reduce((sum, [, one]) => sum + one, 0) / past.length)} ms`;
}
export function took(ms) { trip.textContent = `${Math.round(ms)} ms`; }
export function unmeasured() {
  past = [];
  rate.textContent = trip.textContent = "–";
}
