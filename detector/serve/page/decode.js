// A network's outputs to boxes, as the server finds them (inference.select, boxes.decode, boxes.suppress): every class of
// a cell above its least score, at most `most` of them, back into the picture and clipped to it, then each class thinned.
import { letterbox } from "./letterbox.js";

const SIZE_LOGIT_LIMIT = 8;
const sigmoid = (value) => 1 / (1 + Math.exp(-value));

// outputs: {name: {data, dims}}.  network: as the server describes it; its confidence is one least score a class.  Returns [{xyxy, number, score}], best first.
export function decode(outputs, network, width, height) {
  const confidence = Float32Array.from(network.confidence); // compared as the server compares
  const found = CANDIDATES[network.outputs](outputs, { ...network, confidence });
  found.sort((a, b) => b.score - a.score);
  const { scale, offset } = letterbox(width, height, network.side), limits = [width, height];
  for (const box of found.splice(0, found.length, ...found.slice(0, network.most))) {
    box.xyxy = box.xyxy.map((v, i) => Math.min(Math.max((v - offset[i % 2]) / scale[i % 2], 0), limits[i % 2]));
  }
  return thin(found, network);
}

const CANDIDATES = {
  decoded({ boxes, scores }, { confidence }) {
    const found = [], classes = scores.dims[2];
    scores.data.forEach((score, at) => {
      const number = at % classes, cell = Math.floor(at / classes);
      if (score < confidence[number]) return;
      found.push({ xyxy: [...boxes.data.subarray(4 * cell, 4 * cell + 4)], number, score });
    });
    return found;
  },
  nms({ detections: { data } }, { confidence }) {
    const found = [];
    for (let at = 0; at < data.length; at += 7) {
      const [, number, score, ...xyxy] = data.subarray(at, at + 7);
      if (score >= confidence[number]) found.push({ xyxy, number, score });
    }
    return found;
  },
  raw(outputs, network) {
    return network.strides.flatMap((_, head) => oneHead(outputs[`head_${head}`], network, head));
  },
};

// (1, A (5 + C), H, W): for each anchor planes of x, y, w, h, objectness, classes.
function oneHead({ data, dims: [, channels, rows, columns] }, { confidence, anchors_wh, strides }, head) {
  const anchors = anchors_wh[head], stride = strides[head], plane = rows * columns, found = [];
  const least = Math.min(...confidence);
  const values = channels / anchors.length;
  anchors.forEach((anchor, number) => {
    for (let cell = 0; cell < plane; cell++) {
      const value = (which) => data[(number * values + which) * plane + cell], sure = sigmoid(value(4));
      if (sure < least) continue;
      const middle = [sigmoid(value(0)) + cell % columns, sigmoid(value(1)) + Math.floor(cell / columns)];
      const half = anchor.map((edge, i) => Math.exp(Math.min(value(2 + i), SIZE_LOGIT_LIMIT)) * edge / 2);
      const xyxy = [-1, 1].flatMap((sign) => middle.map((v, i) => v * stride + sign * half[i]));
      for (let one = 0; one < values - 5; one++) {
        const score = sure * sigmoid(value(5 + one));
        if (score >= confidence[one]) found.push({ xyxy, number: one, score });
      }
    }
  });
  return found;
}

function thin(found, { overlap, agnostic }) {
  const kept = [];
  for (const box of found) {
    if (!kept.some((one) => (agnostic || one.number === box.number) && iou(one.xyxy, box.xyxy) > overlap)) kept.push(box);
  }
  return kept;
}

export function iou(a, b) {
  const wide = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), high = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (wide <= 0 || high <= 0) return 0;
  const area = ([x0, y0, x1, y1]) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
  return wide * high / (area(a) + area(b) - wide * high);
}
