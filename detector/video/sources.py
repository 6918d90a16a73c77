"""What a user may name: pictures, videos, folders and globs of them, a camera's number, the URL of a stream.

A folder is searched below too; links to folders are not followed. A URL is a stream, unless what is there says how
many frames it has: then it is a file.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from detector.data.split import SUFFIXES
from detector.errors import DataError, VideoError

VIDEOS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".mjpeg", ".mjpg")
URL = re.compile(r"(rtsps?|rtmps?|https?|udp|tcp|srt)://.", re.IGNORECASE)


@dataclass(frozen=True)
class Sources:
    """pictures, videos: files, sorted.  live: a camera's number or a URL, or None."""

    pictures: list[Path]
    videos: list[Path]
    live: int | str | None = None


def find_sources(source: str | None, camera: int | None = None) -> Sources:
    """Sort out what was named. Raises DataError where nothing is there."""
    if camera is not None and source is not None:
        raise VideoError("SOURCE", f"{source}, and --camera too", "one of them")
    if camera is not None:
        return Sources([], [], camera)
    if source is None:
        raise VideoError("SOURCE", "missing", "a file, folder, glob or URL, or --camera 0")
    if URL.match(source):
        return Sources([], [], source)
    if not source.strip():
        raise VideoError("SOURCE", "empty", "a file, folder, glob or URL, or --camera 0")
    path = Path(source)
    if path.is_file():
        # A single file that is no video by its name is a picture: what is wrong with it is said when it is read.
        return Sources([], [path]) if path.suffix.lower() in VIDEOS else Sources([path], [])
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
    elif glob.has_magic(source):
        files = [Path(name) for name in glob.glob(source, recursive=True) if Path(name).is_file()]  # noqa: PTH207
    else:
        raise DataError(path, "no such file or folder", "a picture, a video, a folder or a glob of them, or a URL")
    found = Sources(_ending(files, tuple(SUFFIXES)), _ending(files, VIDEOS))
    if not found.pictures and not found.videos:
        raise DataError(path, "no pictures and no videos", f"at least one of {' '.join((*SUFFIXES, *VIDEOS))}")
    return found


def title(source: int | str) -> str:
    """What a source is called in what is said and written: a URL without its user, password and query."""
    if isinstance(source, int):
        return f"camera {source}"
    return re.sub(r"(?<=://)[^/@]*@", "", source).split("?")[0] if URL.match(source) else source


def _ending(files: list[Path], suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(file for file in files if file.suffix.lower() in suffixes)


def folder_names(names: list[str], there: Iterable[str] = ()) -> list[str]:
    """A folder's name for each: what a file system cannot bear becomes `-`, and a later one of the same gets `-2`.

    there: names that are taken.
    """
    taken, found = {"labels", *(name.casefold() for name in there)}, []
    for name in names:
        stem = start = re.sub(r"[^\w.]+", "-", name).strip("-.") or "video"
        number = 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{start}-{number}"
        taken.add(stem.casefold())
        found.append(stem)
    return found
