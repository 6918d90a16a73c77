// A picture as the network takes it: its longer edge to the square's side, centred, grey around it, RGB in 0..1 plane by
// plane. The same numbers as the server's (boxes.Letterbox, pictures.shrink and pad): the mean of the covered area where
// it shrinks, linear where it grows, rounded to bytes. The canvas's own scaling is another one in every browser.
const GREY = 114;

// Half to even, as Python rounds.
function round(value) {
  const low = Math.floor(value), rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

export function letterbox(width, height, side) {
  const ratio = side / Math.max(width, height);
  const inner = [width, height].map((edge) => Math.max(1, round(edge * ratio)));
  return {
    inner, scale: [inner[0] / width, inner[1] / height],
    offset: inner.map((edge) => Math.floor((side - edge) / 2)),
  };
}

// Which pixels of `from` make each pixel of `to`, and their shares: [first, shares], one a pixel.
function shares(from, to, area) {
  const step = from / to, found = [];
  for (let at = 0; at < to; at++) {
    if (area) {
      const start = at * step, end = Math.min(start + step, from), first = Math.floor(start + 1e-6), parts = [];
      for (let one = first; one < end - 1e-6; one++) {
        parts.push((Math.min(one + 1, end) - Math.max(one, start)) / (end - start));
      }
      found.push([first, parts]);
    } else {
      const middle = Math.min(Math.max((at + 0.5) * step - 0.5, 0), from - 1), first = Math.floor(middle);
      found.push(first + 1 < from ? [first, [1 - middle + first, middle - first]] : [first, [1]]);
    }
  }
  return found;
}

// data: RGBA bytes. Returns (3, side, side) floats.
export function toSquare({ data, width, height }, side) {
  const { inner: [wide, high], offset: [left, top] } = letterbox(width, height, side);
  const area = wide < width, columns = shares(width, wide, area), rows = shares(height, high, area);
  const square = new Float32Array(3 * side * side).fill(GREY / 255), plane = side * side;
  const made = new Map(); // rows of the picture at their new width, as long as they are wanted
  for (let y = 0; y < high; y++) {
    const [first, parts] = rows[y], sum = new Float32Array(3 * wide);
    for (const row of made.keys()) if (row < first) made.delete(row);
    parts.forEach((part, number) => {
      const row = first + number;
      if (!made.has(row)) made.set(row, across(data, 4 * row * width, columns));
      const own = made.get(row);
      for (let x = 0; x < sum.length; x++) sum[x] += part * own[x];
    });
    for (let x = 0, at = (top + y) * side + left; x < wide; x++, at++) {
      for (let c = 0; c < 3; c++) square[c * plane + at] = Math.round(sum[3 * x + c]) / 255;
    }
  }
  return square;
}

function across(data, start, columns) {
  const made = new Float32Array(3 * columns.length);
  for (let x = 0; x < columns.length; x++) {
    const [first, parts] = columns[x];
    let red = 0, green = 0, blue = 0;
    for (let number = 0, at = start + 4 * first; number < parts.length; number++, at += 4) {
      const part = parts[number];
      red += part * data[at];
      green += part * data[at + 1];
      blue += part * data[at + 2];
    }
    made[3 * x] = red;
    made[3 * x + 1] = green;
    made[3 * x + 2] = blue;
  }
  return made;
}
