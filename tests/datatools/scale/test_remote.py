"""Claims about data sets at a URL, on a local S3 server (moto's) and in fsspec's memory: the bytes of the local run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import fsspec
import pytest

from datatools import remote
from datatools.errors import LayoutError
from datatools.urls import Url


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "balanced-detection"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("s3fs", reason="the extra [s3] is not installed")
    from moto.server import ThreadedMotoServer

    served = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    yield f"http://{host}:{port}"
    served.stop()


@pytest.fixture
def bucket(server, monkeypatch):
    """An empty bucket `box` and a file system to look into it with."""
    import s3fs

    for key, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    s3fs.S3FileSystem.clear_instance_cache()  # it would go on with the keys of the test before
    fs = s3fs.S3FileSystem(endpoint_url=server, use_listings_cache=False)
    fs.mkdir("box")
    yield fs
    fs.rm("box", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def upload(fs, folder: Path, root: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            fs.pipe_file(f"{root}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def tree_at(fs, root: str) -> dict[str, bytes]:
    return {path.removeprefix(root).lstrip("/"): fs.cat_file(path) for path in fs.find(root)}


def test_converting_and_balancing_in_a_bucket_gives_the_bytes_of_the_local_run(
    bucket, cli, make, small, cache, tmp_path
):
    source = make.source("voc", tmp_path / "raw")
    upload(bucket, source, "box/raw")
    assert cli("convert", "raw", "--split", "none", "--out", "yolo", "--quiet").code == 0
    assert cli("convert", "s3://box/raw", "--split", "none", "--out", "s3://box/yolo", "--quiet").code == 0
    assert tree_at(bucket, "box/yolo") == make.tree(tmp_path / "yolo")
    upload(bucket, small, "box/small")
    assert cli("balance", small, "--out", "balanced", "--quiet").code == 0
    ended = cli("balance", "s3://box/small/", "--out", "s3://box/deep/balanced", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert tree_at(bucket, "box/deep/balanced") == make.tree(tmp_path / "balanced")
    assert not list((cache / "out").rglob("*.*"))


def test_messages_and_reports_speak_of_the_url(bucket, cli, make, tmp_path):
    upload(bucket, make.source("voc", tmp_path / "raw"), "box/raw")
    said = json.loads(cli("convert", "s3://box/raw", "--split", "none", "--out", "s3://box/yolo", "--json").out)
    assert (said["source"], said["out"]) == ("s3://box/raw", "s3://box/yolo")
    bucket.pipe_file("box/raw/annotations/a.xml", b"<annotation>")
    message = cli("convert", "s3://box/raw", "--out", "s3://box/again", "--quiet").error
    assert message.startswith("s3://box/raw/annotations/a.xml: ") and not bucket.exists("box/again")


def test_only_what_changed_is_fetched_again(bucket, cli, make, small, monkeypatch):
    upload(bucket, small, "box/set")
    bucket.pipe_file("box/set/thesis.zip", b"not a picture")
    fetched: list[str] = []
    real = remote._batches
    monkeypatch.setattr(remote, "_batches", lambda names, *said: fetched.extend(names) or real(names, *said))
    mirror = remote.bring(Url("s3://box/set"), quiet=True)
    assert make.tree(mirror) == make.tree(small) and len(fetched) == len(make.tree(small))
    for change, expected in (
        (lambda: None, []),
        (lambda: bucket.pipe_file("box/set/labels/train/p00.txt", b"1 0.5 0.5 0.5 0.5\n"), ["labels/train/p00.txt"]),
        (lambda: bucket.rm("box/set/labels/train/p01.txt"), []),
        (lambda: (mirror / "labels/train/p02.txt").write_text("cut"), ["labels/train/p02.txt"]),
    ):
        fetched.clear()
        change()
        assert remote.bring(Url("s3://box/set"), quiet=True) == mirror and fetched == expected
    assert {n: d for n, d in tree_at(bucket, "box/set").items() if n != "thesis.zip"} == make.tree(mirror)


def test_a_killed_upload_is_known_by_what_it_lacks_and_gone_on_with(bucket, cli, make, small, tmp_path, monkeypatch):
    upload(bucket, small, "box/set")
    sent: list[str] = []
    real = remote._batches

    def dies(names, what, quiet):
        for k, some in enumerate(real(names, what, quiet)):
            if what == "sending" and k == 1:
                raise KeyboardInterrupt
            yield some

    monkeypatch.setattr(remote, "BATCH", 3)
    monkeypatch.setattr(remote, "_batches", dies)
    command = ("balance", "s3://box/set", "--out", "s3://box/out", "--quiet")
    assert cli(*command).code == 130
    half = tree_at(bucket, "box/out")
    assert ".unfinished" in half and not {"manifest.jsonl", "data.yaml"} & set(half) and len(half) == 4
    monkeypatch.setattr(remote, "_batches", lambda names, *said: sent.extend(names) or real(names, *said))
    assert cli(*command).code == 0
    assert cli("balance", small, "--out", "local", "--quiet").code == 0
    whole = make.tree(tmp_path / "local")
    assert tree_at(bucket, "box/out") == whole
    assert not set(sent) & (set(half) - {".unfinished"}) and len(sent) == len(whole) - 3 - 2
    assert cli(*command).error == "s3://box/out: is already there; pass --overwrite, or choose another --out"


def test_overwriting_leaves_nothing_of_what_was_there(bucket, cli, make, small, tmp_path):
    upload(bucket, small, "box/set")
    assert cli("balance", "s3://box/set", "--out", "s3://box/out", "--quiet").code == 0
    bucket.rm("box/set/images/train/p00.jpg"), bucket.rm("box/set/labels/train/p00.txt")
    assert cli("balance", "s3://box/set", "--out", "s3://box/out", "--overwrite", "--quiet").code == 0
    for path in ("images/train/p00.jpg", "labels/train/p00.txt"):
        (small / path).unlink()
    assert cli("balance", small, "--out", "local", "--quiet").code == 0
    assert tree_at(bucket, "box/out") == make.tree(tmp_path / "local")


def test_what_somebody_else_put_there_is_left_alone(bucket, cli, make, small):
    bucket.pipe_file("box/out/thesis.txt", b"years of work")
    for extra, said in (
        ((), "s3://box/out: is already there; pass --overwrite, or choose another --out"),
        (
            ("--overwrite",),
            "s3://box/out: was not made by this program, expected a folder with manifest.jsonl; choose another --out",
        ),
    ):
        assert cli("balance", small, "--out", "s3://box/out", "--quiet", *extra).error == said
    assert tree_at(bucket, "box/out") == {"thesis.txt": b"years of work"}


def test_a_dry_run_sends_nothing_and_a_report_is_one_file(bucket, cli, small):
    assert cli("balance", small, "--out", "s3://box/out", "--dry-run", "--quiet").code == 0
    assert not bucket.exists("box/out")
    assert cli("report", small, "--out", "s3://box/report.html", "--quiet").code == 0
    assert cli("report", small, "--out", "local.html", "--quiet").code == 0
    assert bucket.cat_file("box/report.html") == Path("local.html").read_bytes()
    assert cli("report", small, "--out", "s3://box/report.html").error.startswith(
        "s3://box/report.html: is already there"
    )


@pytest.mark.parametrize("name", ["../evil.jpg", "a/../../evil.jpg", "a\\..\\evil.jpg", "/etc/evil.jpg", "a//b.jpg"])
def test_a_name_from_a_bucket_never_leads_out_of_the_folder(cache, tmp_path, monkeypatch, name):
    class Bad:
        protocol = "s3"

        def isfile(self, path: str) -> bool:
            return False

        def find(self, path: str, detail: bool) -> dict:
            return {f"box/set/{name}": {"type": "file", "size": 1, "name": f"box/set/{name}"}}

    monkeypatch.setattr(remote, "_opened", lambda url: (Bad(), "box/set"))
    with pytest.raises(LayoutError, match=r"^s3://box/set: '.*' leads out of its folder, expected plain names; rename"):
        remote.bring(Url("s3://box/set"), quiet=True)
    assert not cache.exists()


def test_a_set_in_memory_is_read_and_written(cli, make, small, tmp_path):
    fs = fsspec.filesystem("memory")
    upload(fs, small, "/set")
    try:
        assert cli("balance", "memory://set", "--out", "memory://out", "--quiet").code == 0
        assert cli("balance", small, "--out", "local", "--quiet").code == 0
        assert tree_at(fs, "/out") == make.tree(tmp_path / "local")
    finally:
        fs.rm("/", recursive=True)


def test_a_set_that_http_serves_is_read(cli, make, small, tmp_path):
    pytest.importorskip("aiohttp", reason="fsspec[http] is not installed")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *said: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(small.parent))) as served:
        Thread(target=served.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{served.server_port}/yolo"
        try:
            assert cli("stats", url, "--json").out == cli("stats", small, "--json").out.replace(str(small), url)
            message = cli("balance", small, "--out", f"{url}/out", "--quiet").error
        finally:
            served.shutdown()
    assert message == f"{url}/out: can only be read, expected a place that can be written; choose another --out"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://box/none", "s3://box/none: nothing is there, or it cannot be reached, expected a folder of pictures"),
        ("s3://nobucket/x", "s3://nobucket/x: nothing is there, or it cannot be reached, expected a folder of"),
        ("spam://x/y", "spam://x/y: spam:// is not known, expected s3://, gs://, http:// ...; correct the URL"),
    ],
)
def test_a_url_with_nothing_there_is_one_line(bucket, cli, url, said):
    assert cli("stats", url, "--quiet").error.startswith(said)


def test_a_file_url_is_a_local_path_and_a_scheme_alone_is_wrong_usage(cli, small):
    assert cli("stats", f"file://{small}", "--json").out == cli("stats", small, "--json").out
    ended = cli("stats", "s3://")
    assert ended.code == 2 and "'s3://': expected a place behind ://, such as s3://bucket/folder" in ended.err


def test_a_url_without_its_extra_names_it(cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    registry = sys.modules["fsspec.registry"]
    for scheme in ("s3", "s3a"):
        monkeypatch.delitem(registry._registry, scheme, raising=False)  # it keeps what it once imported
    said = 's3://box/x: what reads s3:// is not installed; pip install "balanced-detection[s3]"'
    assert cli("stats", "s3://box/x", "--quiet").error == said


def test_an_output_round_its_source_is_refused(cli):
    for out in ("s3://box/set", "s3://box/set/out", "s3://box"):
        said = cli("convert", "s3://box/set", "--out", out, "--quiet").error
        assert said == f"{out}: lies inside its source s3://box/set, or around it, expected a folder apart; " + (
            "choose another --out"
        )
    said = cli("check", "s3://box/set", "--fix").error
    assert said == "--fix: s3://box/set is a URL, expected --out; say where the repaired copy goes"


def test_local_paths_load_no_fsspec(cli, small, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "datatools.remote", None)
    assert cli("stats", small, "--quiet").code == 0


def test_a_url_of_an_annotation_file_brings_the_folder_that_it_is_in(bucket, cli, make, tmp_path):
    upload(bucket, make.source("coco", tmp_path / "raw"), "box/raw")
    said = cli("stats", "s3://box/raw/annotations/all.json", "--json")
    assert json.loads(said.out)["total"]["images"] == 3
