"""`detector detect`, whatever it is pointed at: pictures by `predict.detect`, what moves by `watch`.

All of a run lies in one new folder: pictures as ever, and a folder for each video, camera or stream. Ctrl-C ends what
is live as its end would; of a file it keeps what was seen, and the run stops there.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from detector.detecting.inference import Thresholds
from detector.detecting.predict import Summary, detect
from detector.errors import DataError, UserError, VideoError
from detector.runs import new_folder
from detector.runtimes.opening import open_runtime
from detector.training.interrupt import stop_between_steps
from detector.video.arguments import Watching
from detector.video.capture import frames_in
from detector.video.show import Window, check_screen
from detector.video.sources import Sources, find_sources, folder_names, title
from detector.video.viewer import Viewer
from detector.video.watch import Watched
from detector.video.write import choose_kind

MANY = 1_000_000  # frames of what has no end


@dataclass(frozen=True)
class Run:
    """What was done.  skipped: pictures and videos that could not be read, with the reason."""

    folder: Path
    pictures: Summary | None
    videos: tuple[Watched, ...]
    skipped: tuple[str, ...]
    classes: tuple[str, ...]

    def as_json(self) -> list[dict[str, Any]]:
        """An object a picture, then one a video."""
        seen = self.pictures.seen if self.pictures else ()
        return [one.as_json(self.classes) for one in seen] + [one.as_json() for one in self.videos]

    def lines(self) -> str:
        """For people."""
        said = [one.line() for one in self.videos]
        if self.pictures:
            boxes = sum(len(one.found.scores) for one in self.pictures.seen)
            said.insert(0, f"{boxes} boxes in {len(self.pictures.seen)} pictures: {self.folder}")
        return "\n".join(said)


def find(
    weights: Path,
    source: str | None,
    *,
    camera: int | None,
    how: Thresholds,
    watching: Watching,
    img_size: int | None,
    cfg: str,
    device: str | None,
    runtime: str,
    out: Path,
    txt: bool,
    on_error: str,
    quiet: bool,
) -> Run:
    """Detect in what `source` or `camera` names with `weights`."""
    sources = find_sources(source, camera)
    _check(sources, watching, txt)
    if (sources.videos or sources.live is not None) and watching.video is not False:
        watching = replace(watching, kind=choose_kind(watching.kind))
    count = MANY if sources.live is not None else len(sources.pictures) + sum(map(frames_in, map(str, sources.videos)))
    say = (lambda line: None) if quiet else partial(print, file=sys.stderr)
    opened = open_runtime(weights, cfg=cfg, side=img_size, device=device, runtime=runtime, pictures=count, say=say)
    how = how.known_by(opened.classes)
    folder = new_folder(out)
    moving = bool(sources.videos) or sources.live is not None
    try:
        with (
            stop_between_steps() if moving else nullcontext(lambda: False) as stop,
            closing(Window()) if watching.show else nullcontext() as window,
        ):
            viewer = Viewer(opened, how, watching, folder, quiet, window, stop)
            return _all(viewer, sources, txt, on_error == "skip")
    except UserError:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise


def _check(sources: Sources, watching: Watching, txt: bool) -> None:
    """Refuse what cannot be done, before anything is."""
    moving = bool(sources.videos) or sources.live is not None
    for name in ("fps", "seconds", "interval"):
        if not math.isfinite(getattr(watching, name)):
            raise VideoError(f"--{name}", str(getattr(watching, name)), "a number")
    if math.isnan(watching.give_up):
        raise VideoError("--give-up", "nan", "a number, or inf")
    if txt and not sources.pictures:
        raise VideoError("--txt", "is for pictures", "", "frames.jsonl holds the boxes of a video")
    if watching.show and not moving:
        raise VideoError("--show", "is for videos, cameras and streams", "", "drop it")
    if watching.show:
        check_screen()


def _all(viewer: Viewer, sources: Sources, txt: bool, skip: bool) -> Run:
    pictures: Summary | None = None
    videos: list[Watched] = []
    skipped: list[str] = []
    opened = viewer.opened
    if sources.pictures:

        def progress(paths: list[Path]) -> Iterator[Path]:
            return iter(tqdm(paths, desc="detect", unit="picture", disable=viewer.quiet or None, leave=False))

        pictures = detect(
            opened.run, opened.classes, sources.pictures, opened.side, viewer.how, viewer.folder,
            txt=txt, skip_broken=skip, progress=progress,
        )  # fmt: skip
        skipped += pictures.skipped
    if sources.live is not None:
        videos.append(viewer.live(sources.live, folder_names([title(sources.live)])[0]))
    names = folder_names([path.stem for path in sources.videos], [path.name for path in viewer.folder.iterdir()])
    for path, name in zip(sources.videos, names, strict=True):
        try:
            videos.append(viewer.file(str(path), name))
        except (VideoError, DataError) as error:
            if not skip:
                raise
            skipped.append(str(error))
            continue
        if viewer.stop():
            raise KeyboardInterrupt(f"what was seen is in {viewer.folder}")
        if videos[-1].closed:
            break
    return Run(viewer.folder, pictures, tuple(videos), tuple(skipped), opened.classes)
