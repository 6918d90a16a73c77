// Boxes over the picture: the canvas has the frame's pixels and the picture's place, whatever its size on the screen.
// Lines and letters have their size there: `unit` is a pixel of the screen, in pixels of the frame.
import { COLOURS, SIGNS, meaning, named } from "./model.js";
import { say } from "./words.js";

const canvas = document.getElementById("boxes");

export function drawBoxes(answer) {
  canvas.width = answer?.width ?? 1;
  canvas.height = answer?.height ?? 1;
  const list = (answer?.boxes ?? []).map((box) => `${named(meaning(box.class))} ${Math.round(100 * box.score)} %`);
  canvas.setAttribute("aria-label", list.length ? say("boxes") + list.join(", ") : say("nothing"));
  if (!answer) return;
  const pen = canvas.getContext("2d"), unit = answer.width / (canvas.clientWidth || answer.width);
  pen.font = `${14 * unit}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  answer.boxes.forEach((box, number) => drawBox(pen, unit, box, list[number]));
}

function drawBox(pen, unit, box, text) {
  const one = meaning(box.class), [x0, y0, x1, y1] = box.xyxy;
  pen.lineWidth = 6 * unit;
  pen.strokeStyle = "#000";
  pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
  pen.lineWidth = 3 * unit;
  pen.strokeStyle = COLOURS[one.level];
  pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
  const label = `${SIGNS[one.level]} ${text}`, high = 22 * unit;
  const wide = pen.measureText(label).width + 8 * unit;
  const left = Math.max(0, Math.min(x0, pen.canvas.width - wide)), top = y0 >= high ? y0 - high : y0;
  pen.fillStyle = "#000c";
  pen.fillRect(left, top, wide, high);
  pen.fillStyle = "#fff";
  pen.fillText(label, left + 4 * unit, top + high / 2);
}
