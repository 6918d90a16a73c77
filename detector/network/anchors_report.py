"""What `detector anchors` shows: a table, a YAML for `detector train --anchors`, and a picture of the fit."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from detector.atomic import write_atomically
from detector.data.split import read_split
from detector.errors import UserError
from detector.network import anchors
from detector.network.anchors import POSITIVE, Fit, box_sizes, fit, line, number_of
from detector.network.cfg import Cfg, read_cfg


@dataclass(frozen=True)
class Report:
    """found, beside own: the cfg's.  sizes: (N, 2) of the boxes of `pictures` pictures in a letterbox of `img_size`."""

    cfg: Cfg
    img_size: int
    pictures: int
    sizes: np.ndarray
    found: Fit
    own: Fit

    def table(self) -> str:
        rows = [(f"{self.cfg.name}'s own", self.own), ("found", self.found)]
        wide = max(len(name) for name, _ in rows)
        head = f"{'':{wide}}  {'anchors':>7}  {'average IoU':>11}  {f'above {POSITIVE}':>11}  {'above 0.5':>9}"
        lines = [
            f"{name:{wide}}  {len(one.anchors_wh):7}  {one.average:11.3f}  {one.recall():11.1%}  {one.recall(0.5):9.1%}"
            for name, one in rows
        ]
        text, heads = " ".join(f"{w:g},{h:g}" for w, h in self.found.anchors_wh), len(self.cfg.heads)
        use = f'to train:   detector train --anchors "{text}"'
        if len(self.found.anchors_wh) % heads:
            use = f"not for {self.cfg.name}: its {heads} heads share a multiple of {heads} anchors"
        return "\n".join(
            [
                f"{len(self.sizes)} boxes of {self.pictures} training pictures, letterboxed to {self.img_size}",
                *(head, *lines, "", "in a cfg:   anchors=" + line(self.found.anchors_wh)),
                use,
            ]
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "img_size": self.img_size,
            "pictures": self.pictures,
            "boxes": len(self.sizes),
            "model": self.cfg.name,
            **self.found.as_json(),
            "own": self.own.as_json(),
        }

    def yaml(self) -> str:
        """What `anchors.parse` reads."""
        return yaml.safe_dump(self.as_json(), sort_keys=False, default_flow_style=None)


def survey(data: Path, model: str, img_size: int, count: int | None, generations: int, seed: int) -> Report:
    """Fit anchors to the training labels of the split `data`, and judge those of `model` beside them."""
    cfg, split = read_cfg(model), read_split(data)
    labelled = split.read("train")
    sizes = box_sizes(labelled, img_size)
    if not len(sizes):
        raise UserError(split.path, "the training pictures hold no box", "labels", "check labels/train")
    used = {head.anchors_wh[i] for head in cfg.yolos for i in head.mask}
    found = fit(sizes, count or number_of(cfg), generations, seed)
    return Report(cfg, img_size, len(labelled), sizes, found, anchors.judge(sizes, sorted(used)))


def check_names(paths: Sequence[Path]) -> None:
    """Raises UserError for a name that `write` could not write, or would overwrite."""
    for path in paths:
        if path.suffix not in (".png", ".yaml", ".yml"):
            raise UserError("--out", str(path), "a name that ends in .png or .yaml")
        if path.exists():
            raise UserError("--out", f"{path} exists", "a new name", "remove it, or name another")
        if not path.parent.is_dir():
            raise UserError("--out", f"no folder {path.parent}", "one that is there")


def write(report: Report, path: Path) -> None:
    """Write the picture (`.png`), or the YAML, by the name's end."""
    write_atomically(path, picture_png(report) if path.suffix == ".png" else report.yaml().encode())


def picture_png(report: Report) -> bytes:
    """Left the boxes by width and height with the anchors among them; right how well each box is met."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 6), layout="constrained")
    FigureCanvasAgg(figure)
    _scatter(figure.add_subplot(1, 2, 1), report)
    _histogram(figure.add_subplot(1, 2, 2), report)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def _scatter(axis: Any, report: Report) -> None:
    points = axis.scatter(*report.sizes.T, c=report.found.best, cmap="viridis", vmin=0.2, vmax=1, s=6, alpha=0.6, lw=0)
    axis.figure.colorbar(points, ax=axis, label="IoU with the best anchor found")
    axis.scatter(
        *zip(*report.own.anchors_wh, strict=True), marker="x", c="grey", s=55, label=f"{report.cfg.name}'s own"
    )
    axis.scatter(
        *zip(*report.found.anchors_wh, strict=True), marker="s", c="none", edgecolors="crimson", s=70, lw=1.8,
        label="found",
    )  # fmt: skip
    paper = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8}
    for w, h in report.found.anchors_wh:
        said = f"{w:g}×{h:g}"
        axis.annotate(said, (w, h), (9, -11), textcoords="offset points", fontsize=8, color="crimson", bbox=paper)
    axis.set(xscale="log", yscale="log", xlabel="width, pixels of the input", ylabel="height, pixels of the input")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.set_title(f"{len(report.sizes)} boxes, letterboxed to {report.img_size}")
    axis.grid(alpha=0.25, which="both")
    axis.legend(loc="upper left")


def _histogram(axis: Any, report: Report) -> None:
    edges = np.linspace(0, 1, 41).tolist()
    for one, name, colour in ((report.own, f"{report.cfg.name}'s own", "grey"), (report.found, "found", "crimson")):
        label = f"{name}: average {one.average:.3f}, {one.recall():.1%} above {POSITIVE}"
        axis.hist(one.best, bins=edges, histtype="stepfilled", alpha=0.35, color=colour, label=label)
        axis.axvline(one.average, color=colour, linestyle="--")
    axis.axvline(POSITIVE, color="black", linestyle=":", label=f"{POSITIVE}: above it, an anchor learns from a box")
    axis.set(xlabel="IoU of a box with its best anchor", ylabel="boxes", xlim=(0, 1), title="how well boxes are met")
    axis.set_ylim(0, axis.get_ylim()[1] * 1.25)
    axis.legend(loc="upper left")
