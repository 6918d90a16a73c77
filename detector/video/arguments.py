"""Options of `detector detect` for what moves: videos, cameras, streams. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

Command = Callable[..., Any]
KINDS = ("auto", "mp4", "webm", "h264")


@dataclass(frozen=True)
class Watching:
    """every: look at each N-th frame.  track: vote on the class of what is followed.  seconds: stop after, 0: never.

    video: write the drawn video; None: of files, not of what is live.  kind: one of `KINDS`.
    fps: frames a second of a live source's video.  interval: seconds of a row of counts.csv.
    give_up: seconds without a picture after which a live source is over.
    """

    every: int = 1
    track: bool = True
    show: bool = False
    video: bool | None = None
    kind: str = "auto"
    fps: float = 10.0
    seconds: float = 0.0
    interval: float = 1.0
    give_up: float = 60.0


OPTIONS = (
    click.option("--camera", type=click.IntRange(0), help="A camera instead of SOURCE: 0 is the first."),
    click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Look at each N-th frame only."),
    click.option("--track/--no-track", default=True, help="Follow what is found, and vote on its class. [track]"),
    click.option("--show", is_flag=True, help="Show it in a window while it runs; q closes it."),
    click.option("--video/--no-video", default=None, help="Write the drawn video. [of files, not of what is live]"),
    click.option("--video-format", "kind", type=click.Choice(KINDS), default="auto", show_default=True,
                 help="VP9 in .mp4 or .webm; h264 needs the extra [video]; auto: h264 where that is there, else mp4."),
    click.option("--fps", type=click.FloatRange(0.1, 120), default=10.0, show_default=True,
                 help="Frames a second of the video of a live source."),
    click.option("--seconds", type=click.FloatRange(0), default=0.0, show_default=True,
                 help="Stop after so much of a source; 0: at its end."),
    click.option("--interval", type=click.FloatRange(0.1), default=1.0, show_default=True,
                 help="Seconds that a row of counts.csv stands for."),
    click.option("--give-up", type=click.FloatRange(0), default=60.0, show_default=True,
                 help="Seconds without a picture after which a stream is over; until then it is opened again."),
)  # fmt: skip


def video_options(command: Command) -> Command:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def take_watching(given: dict[str, Any]) -> Watching:
    """The value that `video_options` stand for; they leave `given`, but for `camera`."""
    names = ("every", "track", "show", "video", "kind", "fps", "seconds", "interval", "give_up")
    return Watching(**{name: given.pop(name) for name in names})
