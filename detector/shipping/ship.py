"""`detector ship`: a run's best weights as a small file that can be given away, with a card of what it is worth.

The file is a `.pt` whose kernels are half floats: half the size, read by whoever has torch, and every other kind can be
exported from it. It is judged as it is stored, on val and test. The folder gets the file, README.md and card.json, the
card last; the same run and split give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.atomic import write_atomically
from detector.data.split import Split, read_split
from detector.detecting.inference import Thresholds, as_runtime
from detector.errors import DataError, RunError
from detector.network.cfg import parse_cfg
from detector.network.checkpoint import Checkpoint, halved, load, packed
from detector.network.info import summarise
from detector.runs import own_split
from detector.shipped import CARD, FORMAT, read_card
from detector.shipping.judging import advised_by, look, subset_values
from detector.shipping.origin import judge_of, origin_of, package_version
from detector.shipping.text import card_text

ABOUT = "about.md"
STORED = "kernels as float16, the rest as float32"


@dataclass(frozen=True)
class Shipped:
    """folder: what was written into."""

    folder: Path
    card: dict[str, Any]

    def lines(self) -> str:
        """For people."""
        card, stored = self.card, self.card["stored"]
        worth = ", ".join(f"{one['map50']:.4f} on {name}" for name, one in card["judged"].items())
        return (
            f"{self.folder / card['file']}: {card['bytes'] / 1e6:.1f} MB, {card['img_size']} px, mAP@0.5 {worth}\n"
            f"stored with {stored['as']}: mAP@0.5 on val {stored['map50_before']:.4f} before, "
            f"{stored['map50_after']:.4f} after\ncard: {self.folder / 'README.md'}, {self.folder / CARD}"
        )


def ship(run: Path, *, data: Path | None, out: Path, about: Path | None, overwrite: bool, quiet: bool) -> Shipped:
    """Write the best weights of `run`, a folder or a file in one, into the folder `out`."""
    weights = run / "best.pt" if run.is_dir() else run
    if not weights.is_file():
        raise RunError(weights, "no such file", "a run's folder, or weights in one")
    said = _about(about, out)
    if (out / CARD).exists() and not overwrite:
        raise RunError(out / CARD, "is there already", "a new folder", "give --overwrite or --out")
    origin, before = origin_of(weights), load(weights)
    split = _split(before, data or own_split(weights))
    stored = packed(halved(before))
    card = _card(before, stored, origin, split, quiet)
    out.mkdir(parents=True, exist_ok=True)
    old = _old_file(out)
    write_atomically(out / card["file"], stored)
    write_atomically(out / "README.md", card_text(card, said).encode())
    write_atomically(out / CARD, (json.dumps(card, ensure_ascii=False, indent=1) + "\n").encode())
    if old is not None and old.name != card["file"]:
        old.unlink(missing_ok=True)
    return Shipped(out, card)


def _about(about: Path | None, out: Path) -> str:
    """The makers' own words: of the file that is named, or `about.md` in `out`, or none."""
    path = about or out / ABOUT
    if about is not None and not path.is_file():
        raise RunError(path, "no such file", "a text about the model, as Markdown")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _old_file(out: Path) -> Path | None:
    """The model that a card in `out` describes now."""
    try:
        return out / Path(read_card(out)["file"]).name
    except RunError:
        return None


def _split(model: Checkpoint, data: Path | None) -> Split:
    if data is None:
        raise RunError(model.model, "no split is known to judge it on", "--data FOLDER")
    split = read_split(data)
    if split.classes != model.classes:
        said = ", ".join(split.classes)
        raise DataError(split.path, f"classes {said}", f"the model's: {', '.join(model.classes)}", "see --data")
    if not split.has("val"):
        raise DataError(split.path, "no val pictures", "some, to choose confidences on", "see --data")
    return split


def _card(before: Checkpoint, stored: bytes, origin: dict[str, Any], split: Split, quiet: bool) -> dict[str, Any]:
    side = before.img_size
    cost = summarise(parse_cfg(before.cfg, before.model).adapt(len(before.classes)), (side, side))
    run = as_runtime(_read_back(stored).build())
    val = look(run, split, "val", side, quiet)
    confidence = advised_by(val)
    judged = {"val": subset_values(val, confidence)}
    if split.has("test"):
        judged["test"] = subset_values(look(run, split, "test", side, quiet), confidence)
    whole = look(as_runtime(before.build()), split, "val", side, quiet).values(Thresholds())
    name = Path(before.model).stem
    card = {
        "format": FORMAT,
        "version": package_version("balanced-detection"),
        "file": f"{name}-{side}.pt",
        "bytes": len(stored),
        "sha256": hashlib.sha256(stored).hexdigest(),
        "model": name,
        "classes": list(before.classes),
        "img_size": side,
        "parameters": cost.parameters,
        "gflops": cost.gflops,
        "stored": {"as": STORED, "map50_before": whole["map50"], "map50_after": judged["val"]["map50"]},
        "confidence": confidence,
        "trained": origin,
        **judge_of(),
        "judged": judged,
    }
    return _rounded(card)


def _read_back(stored: bytes) -> Checkpoint:
    """As whoever gets the file will read it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stored.pt"
        path.write_bytes(stored)
        return load(path)


def _rounded(value: Any) -> Any:
    """The same with six digits after the point."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value
