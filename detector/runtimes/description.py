"""What an exported model says of itself, so that a file alone is enough to use it: classes, input, outputs, origin.

It travels inside the file: ONNX as metadata under `KEY`, TorchScript as an extra file, TFLite as a zip appended to
the flatbuffer (which is how TFLite packs associated files). Source of the letterbox: `boxes.Letterbox`,
`pictures.shrink`, `pictures.pad`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from detector.errors import ExportError

KEY = "balanced-detection"
FILE = "description.json"
FORMAT = 1
LETTERBOX = "longer edge to the input's side (area when shrinking, else linear), centred, padded with grey 114"
PICTURES = "pictures"  # the input's name
OUTPUTS = {
    "decoded": ("boxes", "scores"),  # (B, N, 4) xyxy pixels of the input; (B, N, C) objectness x class
    "nms": ("detections",),  # (M, 7): picture, class, score, xyxy pixels of the input
}


@dataclass(frozen=True)
class Description:
    """classes: names in order.  side: of the square input, (B, 3, side, side) RGB in [0, 1].

    outputs: "decoded", "nms" or "raw" (a head each, (B, A (5 + C), side / stride, side / stride)).  batch: 0 for any.
    anchors_wh: pixels, a tuple a head.  strides: a head.  confidence, overlap: of the NMS inside, where there is one.
    precision: float32, float16, int8-dynamic, int8-static.  source, sha256: the file of weights it was made from.
    """

    classes: tuple[str, ...]
    side: int
    outputs: str
    batch: int
    anchors_wh: tuple[tuple[tuple[float, float], ...], ...]
    strides: tuple[int, ...]
    source: str
    sha256: str
    version: str
    precision: str = "float32"
    confidence: float = 0.0
    overlap: float = 1.0
    letterbox: str = LETTERBOX

    @property
    def output_names(self) -> tuple[str, ...]:
        if self.outputs == "raw":
            return tuple(f"head_{number}" for number in range(len(self.strides)))
        return OUTPUTS[self.outputs]

    def as_text(self) -> str:
        """One JSON object."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False)

    def as_properties(self) -> dict[str, str]:
        """What other programs can read without knowing ours."""
        return {
            KEY: self.as_text(),
            "names": json.dumps(dict(enumerate(self.classes)), ensure_ascii=False),
            "imgsz": json.dumps([self.side, self.side]),
            "letterbox": self.letterbox,
            "stride": json.dumps(max(self.strides)),
        }


def read_description(text: str | None, where: object) -> Description:
    """The description in `text`. Raises ExportError where it is none of ours; `where` is the model's file."""
    remedy = "make it with `detector export`"
    if not text:
        raise ExportError(where, "says nothing of its classes and input", "a model of ours", remedy)
    try:
        content: Any = json.loads(text)
        if content.pop("format") != FORMAT:
            raise ExportError(where, "was made by another version", f"format {FORMAT}", remedy)
        heads = tuple(tuple((float(w), float(h)) for w, h in head) for head in content.pop("anchors_wh"))
        classes, strides = tuple(map(str, content.pop("classes"))), tuple(map(int, content.pop("strides")))
        return Description(classes=classes, strides=strides, anchors_wh=heads, **content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ExportError(where, f"its description cannot be read ({error})", "a model of ours", remedy) from error
