"""A file of weights put to use by the command line: on a split (`judge`), on pictures (`look_at`).

A `.pt` of ours knows its classes, its input size and the split it was trained on. Darknet's files know nothing: the
cfg is named, the classes are the split's, or COCO's where there are 80.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from tqdm import tqdm

from detector import checkpoint
from detector.data import Pictures, default_workers
from detector.errors import DataError
from detector.evaluate import Scores, evaluate
from detector.inference import Thresholds
from detector.predict import Summary, detect, find_pictures
from detector.runs import new_folder
from detector.split import read_split
from detector.train import check_size, choose_device


def judge(
    path: Path,
    *,
    data: Path | None,
    subset: str,
    conf: float,
    nms: float,
    batch: int,
    img_size: int | None,
    cfg: str,
    device: str | None,
    workers: int | None,
    quiet: bool,
    split: Callable[[], Path],
) -> Scores:
    """Scores of the weights in `path`. Without `data`: the split of the run beside it, else what `split` finds."""
    found = read_split(data or _own_split(path) or split())
    model, ours = checkpoint.open_model(path, cfg, found.classes)
    if ours and ours.classes != found.classes:
        theirs = ", ".join(found.classes)
        raise DataError(found.path, f"classes {theirs}", f"the model's: {', '.join(ours.classes)}", "see --data")
    side = img_size or (ours.img_size if ours else model.cfg.net.width)
    check_size(model.cfg, side)
    where = choose_device(device or "auto")
    pictures = Pictures(found.read(subset), side)
    hands = default_workers(where) if workers is None else workers
    return evaluate(model.to(where), pictures, found.classes, Thresholds(conf, nms), batch, hands, quiet)[0]


def _own_split(path: Path) -> Path | None:
    """The split named by the args.yaml beside `path`, where both are still there."""
    args = path.parent / "args.yaml"
    if not args.is_file():
        return None
    content = yaml.safe_load(args.read_text(encoding="utf-8"))
    data = Path(content["data"]) if isinstance(content, dict) and "data" in content else None
    return data if data is not None and data.exists() else None


def look_at(
    path: Path,
    source: Path,
    *,
    conf: float,
    nms: float,
    img_size: int | None,
    cfg: str,
    device: str | None,
    out: Path,
    txt: bool,
    on_error: str,
    quiet: bool,
) -> tuple[Summary, tuple[str, ...]]:
    """Detect in `source` with the weights in `path`; returns what was done and the classes' names."""
    pictures = find_pictures(source)
    model, ours = checkpoint.open_model(path, cfg, None)
    classes = ours.classes if ours else darknet_names(model.classes)
    side = img_size or (ours.img_size if ours else model.cfg.net.width)
    check_size(model.cfg, side)

    def progress(paths: list[Path]) -> Iterator[Path]:
        return iter(tqdm(paths, desc="detect", unit="picture", disable=quiet, leave=False))

    folder = new_folder(out)
    try:
        summary = detect(
            model.to(choose_device(device or "auto")),
            classes,
            pictures,
            side,
            Thresholds(conf, nms),
            folder,
            txt=txt,
            skip_broken=on_error == "skip",
            progress=progress,
        )
    except DataError:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise
    return summary, classes


def darknet_names(count: int) -> tuple[str, ...]:
    """Class names of Darknet weights that come without any: COCO's 80, or numbers."""
    coco = tuple((Path(__file__).parent / "cfgs" / "coco.names").read_text(encoding="utf-8").splitlines())
    return coco if count == len(coco) else tuple(f"class {number}" for number in range(count))
