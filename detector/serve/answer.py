"""What is answered to a picture, as pydantic models, from which FastAPI writes the OpenAPI description."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from detector.judging.found import Found
from detector.serve.verdicts import Verdicts


class Box(BaseModel):
    """One thing that was found."""

    xyxy: tuple[float, float, float, float] = Field(description="Left, top, right, bottom: pixels of the picture.")
    name: str = Field(description="Class.", alias="class")
    score: float = Field(description="0 to 1.")


class Answer(BaseModel):
    """What is in a picture. Nothing of the picture itself is kept."""

    width: int
    height: int
    boxes: list[Box] = Field(description="The surest first.")
    counts: dict[str, int] = Field(description="Boxes of every class.")
    level: str = Field(description="nothing, neutral, good, warn or bad: the gravest of the classes seen.")
    ms: float = Field(description="Time at a worker, decoding included.")


class Refused(BaseModel):
    """Why there is no answer."""

    error: str = Field(description="picture, large, slow, rate, busy, token, origin or host.")
    message: str


def as_answer(size_wh: tuple[int, int], found: Found, verdicts: Verdicts, ms: float) -> dict[str, Any]:
    """The fields of an `Answer`."""
    numbers = [int(number) for number in found.classes]
    boxes = [
        {"xyxy": [round(float(v), 2) for v in xyxy], "class": verdicts.classes[number], "score": round(float(score), 5)}
        for xyxy, number, score in zip(found.xyxy, numbers, found.scores, strict=True)
    ]
    return {
        "width": size_wh[0], "height": size_wh[1], "boxes": boxes, "counts": verdicts.counts(numbers),
        "level": verdicts.level(numbers), "ms": round(ms, 2),
    }  # fmt: skip
