"""Data sets at a URL (`s3://`, `gs://`, `http://` ...): brought to this machine, and sent from it, by fsspec.

A source is mirrored in a cache ($XDG_CACHE_HOME/balanced-detection, or below ~/.cache): pictures, annotations and
lists, of which only those are fetched whose size or tag is not that of the last time.  A name that would lead out of
the mirror is refused.

An output is built in the cache as a local one is, and sent: first `.unfinished`, which marks it as ours, last
manifest.jsonl and data.yaml.  So a half-sent folder is known by what it lacks; the same command makes the same bytes
again, and sends those that are not there yet.  What http serves can be read, not written.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from datatools.errors import LayoutError, OutputError, UserError
from datatools.images import SUFFIXES
from datatools.locks import sole_writer
from datatools.outputs import MANIFEST, UNFINISHED
from datatools.tree import KIND_FOLDERS, suffix_of
from datatools.urls import Url
from datatools.walk import NAMED_FILES

WANTED = SUFFIXES | {*NAMED_FILES, ".names", ".jsonl"}  # types of file that some reader reads
LAST = (MANIFEST, "data.yaml")
BATCH = 64  # files that are on their way at a time
_THEIRS = ("botocore", "aiobotocore", "aiohttp", "s3fs", "gcsfs", "adlfs", "google", "azure", "requests")
_KEPT_TAGS = ("ETag", "etag", "md5", "LastModified", "mtime", "created", "uid")


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "balanced-detection"


def bring(url: Url, *, quiet: bool = False) -> Path:
    """The local mirror of a folder, or of an annotation file with its folder.

    Raises LayoutError where nothing is there, or a name leads out of it.
    """
    with _talking(url):
        fs, root = _opened(url)
        if suffix_of(root) in NAMED_FILES and fs.isfile(root):
            above, _, name = url.text.rpartition("/")
            folder, _, kind = above.rpartition("/")
            if kind.lower() not in KIND_FOLDERS:
                return bring(Url(above), quiet=quiet) / name
            return bring(Url(folder), quiet=quiet) / kind / name
        there = _listed(fs, root, url)
        wanted = {name: info for name, info in there.items() if suffix_of(name) in WANTED}
        if not wanted:
            found = "no pictures or annotations there" if there else "nothing is there, or it cannot be reached"
            raise LayoutError(url, found, "a folder of pictures and their annotations", "correct the URL")
        mirror = _local(root, fs, "in")
        with sole_writer(mirror):
            _mirror(fs, wanted, mirror, quiet)
    return mirror


def _mirror(fs: Any, wanted: dict[str, dict], mirror: Path, quiet: bool) -> None:
    """Make the folder hold these files, as they are there, and no others."""
    index = mirror.with_name(f".{mirror.name}.fetched.jsonl")
    known = _read_index(index)
    mirror.mkdir(parents=True, exist_ok=True)
    for path in [p for p in mirror.rglob("*") if not p.is_dir()]:
        if path.relative_to(mirror).as_posix() not in wanted:
            path.unlink()
    lacking = [n for n, i in wanted.items() if not _same(known.get(n), i) or not _is_file(mirror / n, i.get("size"))]
    with index.open("a", encoding="utf-8") as said:
        for some in _batches(lacking, "fetching", quiet):
            for name in some:
                (mirror / name).parent.mkdir(parents=True, exist_ok=True)
            fs.get([wanted[name]["name"] for name in some], [str(mirror / name) for name in some])
            said.writelines(json.dumps([name, _signature(wanted[name])]) + "\n" for name in some)
            said.flush()


def _read_index(path: Path) -> dict[str, Any]:
    """What was fetched: name -> size and tag.  A line that a kill cut off says nothing."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            name, signature = json.loads(line)
        except ValueError:
            continue
        found[name] = signature
    return found


def _is_file(path: Path, size: int | None) -> bool:
    return path.is_file() and size in (None, path.stat().st_size)


def _signature(info: dict) -> list:
    tags = {key: str(info[key]) for key in _KEPT_TAGS if info.get(key) is not None}
    return [info.get("size"), tags]


def _same(known: Any, info: dict) -> bool:
    """Whether a file is what it was; one without any tag may always be another."""
    said = _signature(info)
    return known == said and bool(said[1])


def _listed(fs: Any, root: str, url: Url) -> dict[str, dict]:
    """Path below the root -> what is known of the file.  Raises LayoutError for one that leads out of it."""
    try:
        found = fs.find(root, detail=True)
    except FileNotFoundError:
        return {}
    listed = {}
    for path, info in found.items():
        name = path[len(root) :] if path.startswith(root) else path
        name = unquote(name.partition("?")[0]) if "http" in fs.protocol else name
        name = name.removeprefix("/")
        if info.get("type") != "file" or not name or name.endswith("/"):
            continue
        odd = [part for part in name.split("/") if part in ("", ".", "..")]
        if odd or "\\" in name or "\0" in name:
            raise LayoutError(url, f"{name!r} leads out of its folder", "plain names", "rename it there")
        listed[name] = {**info, "name": path}
    return listed


def room_for(url: Url) -> Path:
    """Where an output for the URL is built; what an earlier run left there was not sent, and is made again.

    A file that is at the URL is brought, so that the command treats it as it would a local one.
    """
    with _talking(url):
        fs, root = _opened(url)
        room = _local(root, fs, "out")
        room.parent.mkdir(parents=True, exist_ok=True)
        if room.is_dir():
            shutil.rmtree(room)
        room.unlink(missing_ok=True)
        if fs.isfile(root):
            fs.get([root], [str(room)])
    return room


def refuse_overwrite(url: Url, *, overwrite: bool) -> None:
    """Raises OutputError where sending a folder would lose something."""
    with _talking(url):
        fs, root = _opened(url)
        if "http" in fs.protocol:
            raise OutputError(url, "can only be read", "a place that can be written", "choose another --out")
        there = {} if fs.isfile(root) else _listed(fs, root, url)
    if not there or UNFINISHED in there:
        return
    if not overwrite:
        raise OutputError(url, "is already there", remedy="pass --overwrite, or choose another --out")
    if MANIFEST not in there:
        raise OutputError(url, "was not made by this program", f"a folder with {MANIFEST}", "choose another --out")


def send(local: Path, url: Url, *, quiet: bool = False) -> None:
    """Send what was built, a file or a folder, and remove it here; what is there already is not sent again."""
    with _talking(url), sole_writer(local):
        fs, root = _opened(url)
        if local.is_file():
            fs.put([str(local)], [root])
            local.unlink()
            return
        names = sorted(p.relative_to(local).as_posix() for p in local.rglob("*") if p.is_file())
        there = _listed(fs, root, url)
        (local / UNFINISHED).touch()
        fs.put([str(local / UNFINISHED)], [f"{root}/{UNFINISHED}"])
        gone = [name for name in there if name in LAST or (name not in names and name != UNFINISHED)]
        for some in _batches(gone, "", True):
            fs.rm([there[name]["name"] for name in some])
        early = [n for n in names if n not in LAST and not _is_sent(local / n, there.get(n, {}))]
        for some in chain(_batches(early, "sending", quiet), ([name] for name in LAST if name in names)):
            fs.put([str(local / name) for name in some], [f"{root}/{name}" for name in some])
        fs.rm([f"{root}/{UNFINISHED}"])
        shutil.rmtree(local)


def _is_sent(path: Path, info: dict) -> bool:
    """Whether the same bytes are there, where the other side tells: S3's tag is the MD5 of what came in one piece."""
    tag = str(info.get("ETag", "")).strip('"')
    return bool(tag) and info.get("size") == path.stat().st_size and tag == _md5(path)


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _batches(names: Sequence[str], what: str, quiet: bool) -> Iterator[list[str]]:
    from tqdm import tqdm

    bar = tqdm(total=len(names), desc=what, unit="file", disable=True if quiet or not what else None, leave=False)
    with bar:
        for k in range(0, len(names), BATCH):
            yield list(names[k : k + BATCH])
            bar.update(min(BATCH, len(names) - k))


def _opened(url: Url) -> tuple[Any, str]:
    """(file system, path there).  Raises UserError where the extra for it is not installed."""
    scheme = url.text.partition(":")[0]
    try:
        from fsspec.core import url_to_fs

        fs, root = url_to_fs(url.text, use_listings_cache=False)
    except ImportError:
        extra = "s3" if scheme in ("s3", "s3a") else "remote"
        what = f"what reads {scheme}:// is not installed"
        raise UserError(url, what, remedy=f'pip install "balanced-detection[{extra}]"') from None
    except ValueError:
        raise UserError(url, f"{scheme}:// is not known", "s3://, gs://, http:// ...", "correct the URL") from None
    return fs, root.rstrip("/")


def _local(root: str, fs: Any, way: str) -> Path:
    """A folder of the cache for a path; credentials in an address stay out of its name."""
    scheme = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    parts = [part.rpartition("@")[2] for part in root.split("/") if part not in ("", ".", "..", "http:", "https:")]
    return cache_folder() / way / scheme / Path(*parts)


@contextmanager
def _talking(url: Url) -> Iterator[None]:
    """What the other side, or the way there, is at fault for is the user's to mend."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        theirs = type(error).__module__.split(".")[0] in _THEIRS
        here = isinstance(error, OSError) and (error.filename or error.errno in (errno.ENOSPC, errno.EDQUOT))
        if not theirs and (here or not isinstance(error, OSError | NotImplementedError)):
            raise
        said = str(error).strip() or type(error).__name__
        raise UserError(url, said[:200], remedy="check the URL, the network and your credentials") from None
