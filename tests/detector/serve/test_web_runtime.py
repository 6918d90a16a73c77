"""Claims about fetching the page's runtime: the pinned package alone, verified before it is unpacked, whole or not."""

from __future__ import annotations

import base64
import configparser
import hashlib
import io
import re
import tarfile
import threading
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from detector.cli import cli
from detector.errors import RunError, UserError
from detector.serve import web_runtime
from detector.serve.web_runtime import ONNXRUNTIME_WEB, Package, check, fetch, registry

ROOT = Path(__file__).parents[3]
FILES = {"a.mjs": b"export const a = 1;", "b.wasm": b"\0asm\1\0\0\0"}


def archive(files: dict[str, bytes], link: str = "") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as made:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
        if link:
            member = tarfile.TarInfo(f"package/dist/{link}")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            made.addfile(member)
    return stream.getvalue()


def package(content: bytes) -> Package:
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    wanted = {name: (f"package/dist/{name}", hashlib.sha256(data).hexdigest()) for name, data in FILES.items()}
    return Package("thing", "1.2.3", integrity, wanted)


def silent(_: str) -> None:
    pass


def test_the_files_wanted_are_unpacked_from_a_file_and_no_others(tmp_path):
    content = archive({**FILES, "c.wasm": b"not wanted", "../../../out.txt": b"nor this"})
    (tmp_path / "thing-1.2.3.tgz").write_bytes(content)
    said = fetch(tmp_path / "thing-1.2.3.tgz", silent, tmp_path / "runtime", package(content))
    assert {path.name: path.read_bytes() for path in (tmp_path / "runtime").iterdir()} == FILES
    assert {path.name for path in tmp_path.iterdir()} == {"runtime", "thing-1.2.3.tgz"}
    assert said.startswith("thing 1.2.3: 2 files, 0.0 MB, in ")
    check(tmp_path / "runtime", package(content))


@pytest.mark.parametrize(
    ("content", "pinned", "said"),
    [
        (archive(FILES)[:-1], archive(FILES), "a.tgz: is not thing-1.2.3.tgz: its integrity is sha512-"),
        (b"no archive", b"no archive", "a.tgz: cannot be unpacked (not a gzip file"),
        (archive(FILES)[:60], archive(FILES)[:60], "a.tgz: cannot be unpacked ("),
        (
            archive({"a.mjs": FILES["a.mjs"]}),
            None,
            "a.tgz: cannot be unpacked (\"filename 'package/dist/b.wasm' not found",
        ),
        (archive({"a.mjs": FILES["a.mjs"]}, link="b.wasm"), None, "a.tgz: package/dist/b.wasm is not the file that is"),
        (archive(FILES | {"b.wasm": b"other"}), None, "a.tgz: package/dist/b.wasm is not the file that is pinned"),
    ],
    ids=["integrity", "no-gzip", "cut-off", "missing", "link", "changed"],
)
def test_what_is_not_the_pinned_package_is_refused_and_nothing_written(tmp_path, content, pinned, said):
    (tmp_path / "a.tgz").write_bytes(content)
    with pytest.raises(RunError, match=re.escape(said)):
        fetch(tmp_path / "a.tgz", silent, tmp_path / "runtime", package(content if pinned is None else pinned))
    assert not (tmp_path / "runtime").exists()


def test_more_than_the_package_can_hold_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(web_runtime, "MOST_BYTES", 100)
    (tmp_path / "a.tgz").write_bytes(b"x" * 101)
    with pytest.raises(RunError, match=r"a\.tgz: more than 100 bytes, expected thing-1\.2\.3\.tgz"):
        fetch(tmp_path / "a.tgz", silent, tmp_path / "runtime", package(b""))


def test_a_registry_of_ones_own_is_asked_for_the_package_as_npm_asks(tmp_path, monkeypatch):
    content, asked = archive(FILES), []

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            found = self.path == "/npm/thing/-/thing-1.2.3.tgz"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(content if found else b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/npm/")
        fetch(None, silent, tmp_path / "runtime", package(content))
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/other")
        with pytest.raises(RunError, match=r"tgz: cannot be fetched \(404 .*--runtime-file thing-1\.2\.3\.tgz"):
            fetch(None, silent, tmp_path / "other", package(content))
        server.shutdown()
    assert asked == ["/npm/thing/-/thing-1.2.3.tgz", "/other/thing/-/thing-1.2.3.tgz"]
    check(tmp_path / "runtime", package(content))


def test_without_a_variable_the_registry_is_npms_and_a_wrong_one_is_refused(monkeypatch):
    for name in web_runtime.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert registry() == "https://registry.npmjs.org"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "file:///etc")
    with pytest.raises(RunError, match=r"\$NPM_CONFIG_REGISTRY: 'file:///etc', expected an address"):
        registry()


def test_a_missing_or_damaged_file_is_said_with_the_command_that_brings_it(tmp_path):
    remedy = r"; get it once with `detector serve --fetch-runtime`$"
    with pytest.raises(RunError, match=r"^--mode browser: thing 1\.2\.3 is not here" + remedy):
        check(tmp_path, package(b""))
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "b.wasm").write_bytes(b"\0asm")
    with pytest.raises(RunError, match=r"b\.wasm: is not thing 1\.2\.3's" + remedy):
        check(tmp_path, package(b""))


def test_the_command_takes_a_file_and_ends(tmp_path):
    (tmp_path / "x.tgz").write_bytes(b"x")
    done = CliRunner().invoke(cli, ["serve", "--runtime-file", str(tmp_path / "x.tgz")])
    assert isinstance(done.exception, UserError)
    assert "x.tgz: is not onnxruntime-web-1.30.0.tgz: its integrity is sha512-" in str(done.exception)


def test_a_wheel_ships_what_was_fetched_and_git_keeps_none_of_it():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = settings["options.package_data"]["detector.serve"].split()
    assert web_runtime.FOLDER == ROOT / "detector" / "serve" / "runtime"
    for name in ONNXRUNTIME_WEB.files:
        assert any(fnmatch(f"runtime/{name}", pattern) for pattern in patterns), name
    assert "/detector/serve/runtime/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
