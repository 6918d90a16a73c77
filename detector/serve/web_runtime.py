"""onnxruntime-web, which runs a model in the page: one pinned package of npm, fetched once, on request, and verified.

Somebody else's 14 MB are not kept in this repository. `detector serve --fetch-runtime` brings the package from npm's
registry (or from a file), holds it against the integrity that is pinned here, and unpacks `FILES` alone into
`detector/serve/runtime/`, which git ignores and every wheel that is built afterwards ships. Nothing else ever fetches.
Every start of `--mode browser` holds the files against their own hashes.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import os
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from detector.atomic import write_atomically
from detector.errors import RunError

FOLDER = Path(__file__).parent / "runtime"
REGISTRY = "https://registry.npmjs.org"
VARIABLES = ("npm_config_registry", "NPM_CONFIG_REGISTRY")
MOST_BYTES, MOST_MEMBER_BYTES, PATIENCE_S = 64_000_000, 32_000_000, 60
GET_IT = "get it once with `detector serve --fetch-runtime`"


@dataclass(frozen=True)
class Package:
    """integrity: of the package, as npm states it.  files: path in the package and SHA-256, by the file's name here."""

    name: str
    version: str
    integrity: str
    files: dict[str, tuple[str, str]]

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.tgz"

    @property
    def by_hand(self) -> str:
        return f"`npm pack {self.name}@{self.version}` on another machine, then --runtime-file {self.file}"


ONNXRUNTIME_WEB = Package(
    "onnxruntime-web",
    "1.30.0",
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    {
        "ort.wasm.min.mjs": (
            "package/dist/ort.wasm.min.mjs",
            "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
        ),
        "ort-wasm-simd-threaded.mjs": (
            "package/dist/ort-wasm-simd-threaded.mjs",
            "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
        ),
        "ort-wasm-simd-threaded.wasm": (
            "package/dist/ort-wasm-simd-threaded.wasm",
            "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
        ),
        "package.json": ("package/package.json", "16f69f755509990539aeb1c8445884960e91adcacab2e8dca8e44ee43601df5c"),
    },
)
KINDS = {".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}


def check(folder: Path = FOLDER, package: Package = ONNXRUNTIME_WEB) -> None:
    """Raises RunError, which names the command that brings it, unless every file is there and is the pinned one."""
    for name, (_, sha256) in package.files.items():
        path = folder / name
        if not path.is_file():
            raise RunError("--mode browser", f"{package.name} {package.version} is not here", "", GET_IT)
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise RunError(path, f"is not {package.name} {package.version}'s", "", GET_IT)


def page_bytes(folder: Path = FOLDER, package: Package = ONNXRUNTIME_WEB) -> int:
    """Of the part that is worth a progress bar: the compiled one."""
    return sum((folder / name).stat().st_size for name in package.files if name.endswith(".wasm"))


def fetch(
    file: Path | None,
    say: Callable[[str], None],
    folder: Path = FOLDER,
    package: Package = ONNXRUNTIME_WEB,
) -> str:
    """Bring the package, from `file` or the registry, into `folder`; a line that says what is there.

    Raises RunError, and writes nothing, where it cannot be had or is not the pinned one.
    """
    if file is None:
        where = f"{registry()}/{package.name}/-/{package.file}"
        say(f"fetching {where}")
        content = _downloaded(where, package)
    else:
        where, content = str(file), _read(file, package)
    found = _unpacked(where, content, package)
    try:
        folder.mkdir(exist_ok=True)
        for name, data in found.items():
            write_atomically(folder / name, data)
    except OSError as error:
        raise RunError(folder, f"cannot be written ({error.strerror})", "the installation to be one's own") from error
    megabytes = sum(map(len, found.values())) / 1e6
    return f"{package.name} {package.version}: {len(found)} files, {megabytes:.1f} MB, in {folder}"


def registry() -> str:
    """npm's, or the one that a variable of npm's names. Raises RunError where that is no http(s) address."""
    given = [os.environ.get(name) for name in VARIABLES]
    named = next(filter(None, given), None) or REGISTRY
    if not named.startswith(("https://", "http://")):
        raise RunError("$NPM_CONFIG_REGISTRY", repr(named), f"an address, as {REGISTRY}")
    return named.rstrip("/")


def _downloaded(url: str, package: Package) -> bytes:
    try:
        with urlopen(url, timeout=PATIENCE_S) as answer:  # an address of `registry`: http or https
            content: bytes = answer.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = f"{error.code} {error.reason}" if isinstance(error, HTTPError) else getattr(error, "reason", error)
        raise RunError(url, f"cannot be fetched ({said})", "", package.by_hand) from error
    return content


def _read(file: Path, package: Package) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise RunError(file, f"cannot be read ({error.strerror})", package.file) from error


def _unpacked(where: str, content: bytes, package: Package) -> dict[str, bytes]:
    """The files wanted, by name. Nothing of the archive is looked at before its own hash is right."""
    if len(content) > MOST_BYTES:
        raise RunError(where, f"more than {MOST_BYTES} bytes", package.file)
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if integrity != package.integrity:
        raise RunError(where, f"is not {package.file}: its integrity is {integrity}", package.integrity)
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            return {name: _member(archive, *wanted, where) for name, wanted in package.files.items()}
    except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
        raise RunError(where, f"cannot be unpacked ({error})", package.file) from error


def _member(archive: tarfile.TarFile, path: str, sha256: str, where: str) -> bytes:
    member = archive.getmember(path)
    file = archive.extractfile(member) if member.isreg() and member.size <= MOST_MEMBER_BYTES else None
    content = file.read() if file else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RunError(where, f"{path} is not the file that is pinned", sha256)
    return content
