"""Claims about files damaged anywhere: refused in one line or read; what is skipped leaves a clean set behind."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools.cli import datatools
from datatools.exits import run

TOKENS = [
    b"", b"\0", b"\xff\xfe", b"nan", b"1e999", b"-1", b"null", b"{}", b"[]", b'"', b"<", b"&", b"\n\n", b"../..",
    b"99999999999999999999", b"true", b"'", b":", b"!!python/object:os.system", b"\xed\xa0\x80", b"\t", b"\xe2\x80\xa8",
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(make, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    for name in make.formats:
        make.source(name, root / name)
    return root


def command(*args: object) -> tuple[int, list[str]]:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = run(datatools, [str(a) for a in args])
    return code, said.getvalue().splitlines()


@pytest.mark.parametrize("name", ["voc", "yolo", "ultralytics", "darknet", "coco", "createml"])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_damage_is_one_line_or_none_and_what_is_written_is_clean(whole, tmp_path_factory, name, data):
    work = tmp_path_factory.mktemp("work")
    shutil.copytree(whole / name, work / "raw")
    texts = sorted(p for p in (work / "raw").rglob("*") if p.suffix not in (".jpg", ".png") and p.is_file())
    file = data.draw(st.sampled_from(texts))
    content = file.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    length = data.draw(st.sampled_from([0, 1, 3, 10, 50]))
    file.write_bytes(content[:start] + data.draw(st.sampled_from(TOKENS)) + content[start + length :])

    code, lines = command("stats", work / "raw", "--quiet")
    assert (code, lines) == (0, []) or (code == 1 and len(lines) == 1 and lines[0].startswith("error: "))
    write = data.draw(st.sampled_from(["yolo", "voc", "coco", "createml"]))
    args = ("convert", work / "raw", "--out", work / "out", "--to", write, "--quiet", "--on-error", "skip")
    code, lines = command(*args)
    assert (code, lines) == (0, []) or (code == 1 and len(lines) == 1 and lines[0].startswith("error: "))
    assert (work / "out").is_dir() == (code == 0) and not (work / "out.partial").exists()
    if code == 0:
        assert command("check", work / "out", "--quiet") == (0, [])
    shutil.rmtree(work)
