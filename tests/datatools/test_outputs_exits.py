"""Claims about writing in one step, about how commands end, and about work done in order."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path

import click
import pytest

from datatools.display import bar, columns_of, grid
from datatools.errors import AnnotationError, OutputError, PictureError, UserError
from datatools.exits import run
from datatools.outputs import put as put_file
from datatools.outputs import staged, write_file
from datatools.parallel import ordered_map, worker_count


def test_a_staged_folder_appears_whole(tmp_path):
    out = tmp_path / "deep/out"
    with staged(out) as folder:
        put_file(folder / "a/b.txt", "text")
        assert not out.exists() and folder.name == "out.partial"
    assert (out / "a/b.txt").read_text() == "text" and [p.name for p in out.parent.iterdir()] == ["out"]


def test_a_staged_folder_that_fails_leaves_what_was_there(tmp_path):
    out = tmp_path / "out"
    with staged(out) as folder:
        put_file(folder / "old.txt", "old")
    with pytest.raises(KeyboardInterrupt), staged(out) as folder:
        put_file(folder / "new.txt", "new")
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["out"] and (out / "old.txt").is_file()
    with staged(out) as folder:
        put_file(folder / "new.txt", "new")
    assert [p.name for p in out.iterdir()] == ["new.txt"] and [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("target", [".out.finished", "out"])
def test_a_staged_folder_that_cannot_be_renamed_puts_the_old_one_back(tmp_path, monkeypatch, target):
    out = tmp_path / "out"
    with staged(out) as folder:
        put_file(folder / "old.txt", "old")
    real = Path.rename

    def rename(self: Path, to: Path) -> Path:
        if to.name == target and self.name in ("out.partial", ".out.finished"):
            raise OSError(errno.EIO, "Input/output error")
        return real(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="Input/output"), staged(out) as folder:
        put_file(folder / "new.txt", "new")
    assert (out / "old.txt").is_file() and [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_copy_that_the_user_keeps_beside_is_never_deleted(tmp_path):
    for name in ("out.old", "out.bak", "out2"):
        put_file(tmp_path / name / "manifest.jsonl", "mine")
    for _ in range(2):
        with staged(tmp_path / "out") as folder:
            put_file(folder / "a.txt", "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "out.bak", "out.old", "out2"]


def test_a_run_killed_between_the_two_renames_loses_nothing(tmp_path, monkeypatch):
    out = tmp_path / "out"
    with staged(out) as folder:
        put_file(folder / "old.txt", "old")
    out.rename(tmp_path / ".out.replaced")  # as the kill leaves it
    with pytest.raises(RuntimeError), staged(out):
        raise RuntimeError
    assert (out / "old.txt").is_file() and [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("left", ["out.partial", ".out.finished", ".out.finished/.unfinished"])
def test_a_run_killed_between_the_mark_and_the_renames_is_gone_on_with(tmp_path, left, resume):
    """The empty folder before its mark; the whole one after the first rename, with its mark and without."""
    folder = tmp_path / left.split("/")[0]
    folder.mkdir()
    if folder.name == ".out.finished":
        put_file(folder / "one.txt", "1")
    if left.endswith(".unfinished"):
        (tmp_path / left).touch()
    with staged(tmp_path / "out", resume=resume) as made:
        assert (made / "one.txt").exists() == (resume and folder.name == ".out.finished")
        put_file(made / "two.txt", "2")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert "two.txt" in {p.name for p in (tmp_path / "out").iterdir()} <= {"one.txt", "two.txt"}


def test_a_resumed_folder_keeps_what_an_interrupted_run_left(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(RuntimeError), staged(out, resume=True) as folder:
        put_file(folder / "one.txt", "1")
        raise RuntimeError
    assert (tmp_path / "out.partial/one.txt").is_file() and not out.exists()
    with staged(out, resume=True) as folder:
        put_file(folder / "two.txt", "2")
    assert sorted(p.name for p in out.iterdir()) == ["one.txt", "two.txt"]


def test_a_file_is_replaced_in_one_step_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a/b.txt"
    write_file(path, "old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_file(path, "new")
    assert path.read_text() == "old" and [p.name for p in path.parent.iterdir()] == ["b.txt"]


# ---------------------------------------------------------------- ends


def ended(capsys, error: BaseException | int | None) -> tuple[int, str]:
    @click.command()
    def command() -> int | None:
        if isinstance(error, BaseException):
            raise error
        return error

    code = run(command, [])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (None, 0, ""),
        (1, 1, ""),
        (UserError("a.txt", "found", "wanted", "do"), 1, "error: a.txt: found, expected wanted; do\n"),
        (UserError("", "found\n  on two lines"), 1, "error: found on two lines\n"),
        (PermissionError(13, "Permission denied", "x"), 1, "error: x: Permission denied; correct the path, or change"),
        (OSError(28, "No space left on device"), 1, "error: output: No space left on device; free some space, or"),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on"),
        (click.UsageError("no such thing"), 2, "Usage: "),
        (ValueError("ours"), 3, "Traceback"),
        (OSError("ours"), 3, "Traceback"),
        (
            ImportError("libGL.so.1: cannot open shared object file"),
            1,
            "error: OpenCV: the system's libGL.so.1 is missing",
        ),
        (ImportError("no such name"), 3, "Traceback"),
    ],
)
def test_each_end_has_its_exit_code(capsys, error, code, text):
    found = ended(capsys, error)
    assert found[0] == code and (found[1].lstrip().startswith(text) if text else not found[1])
    if code == 3:
        assert "this is a fault of the program, not of your data; please report it" in found[1]


@pytest.mark.parametrize(
    "error", [AnnotationError("a:3", "b", "c", "d"), PictureError("a", "b", "c", "d", code="picture-truncated")]
)
def test_an_error_survives_the_way_between_processes(error):
    back = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert type(back) is type(error) and str(back) == str(error)
    assert (back.where, back.found, back.expected, back.remedy) == (
        error.where,
        error.found,
        error.expected,
        error.remedy,
    )
    assert getattr(back, "code", "") == getattr(error, "code", "")


# ---------------------------------------------------------------- work


def doubled(n: int) -> int:
    if n == 13:
        raise AnnotationError("13", "unlucky")
    return 2 * n


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("item_ms", [0.1, 90])
def test_results_come_in_the_order_of_the_items(workers, item_ms):
    assert list(ordered_map(doubled, [5, 3, 1, 2, 4] * 3, workers=workers, item_ms=item_ms)) == [10, 6, 2, 4, 8] * 3
    assert list(ordered_map(doubled, [], workers=workers)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_is_raised_here(workers):
    with pytest.raises(AnnotationError, match="13: unlucky"):
        list(ordered_map(doubled, list(range(20)), workers=workers, item_ms=50))


def test_few_items_start_no_second_process(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert [worker_count(0, n, 0.1) for n in (0, 100, 50_000, 10**7)] == [1, 1, 3, 8]
    assert [worker_count(0, n, 20) for n in (0, 99, 200, 10**6)] == [1, 1, 3, 8]
    assert [worker_count(3, n, 0.1) for n in (0, 1, 2, 100)] == [1, 1, 2, 3]


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(("text", "columns"), [("", 0), ("abc", 3), ("한글", 4), ("😀", 2), ("e\u0301", 1)])
def test_wide_characters_take_two_columns(text, columns):
    assert columns_of(text) == columns


def test_a_grid_is_aligned_whatever_is_in_it():
    assert grid(("class", "n"), [("고양이", "12"), ("a", "3")], "<>") == (
        "  class    n\n  ──────  ──\n  고양이  12\n  a        3"
    )


@pytest.mark.parametrize(("share", "text"), [(0, ""), (1e-9, "▏"), (0.5, "████"), (1, "████████"), (0.56, "████▌")])
def test_a_bar_is_as_long_as_its_share(share, text):
    assert bar(share, 8) == text


@pytest.mark.parametrize("resume", [False, True])
def test_a_partial_folder_that_somebody_else_made_is_left_alone(tmp_path, resume):
    theirs = tmp_path / "out.partial" / "thesis.txt"
    theirs.parent.mkdir()
    theirs.write_text("years of work")
    with pytest.raises(OutputError) as error, staged(tmp_path / "out", resume=resume):
        pass
    said = f"{tmp_path}/out.partial: was not left by this program; move it away, or choose another --out"
    assert str(error.value) == said and theirs.read_text() == "years of work"
