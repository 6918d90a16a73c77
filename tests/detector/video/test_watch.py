"""`detector detect` on what moves, as a user calls it."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from detector import cli
from detector.video import run as running
from detector.video.capture import OpenCapture, cut_off, frames_of
from detector.video.show import check_screen

from .conftest import moving_square
from .test_live import Camera


@pytest.fixture
def call(monkeypatch, tmp_path, capsys, small_pt):
    """Runs the command in an empty folder; returns exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words, weights=small_pt):
        monkeypatch.setattr("sys.argv", ["detector", "detect", *map(str, words), "--weights", str(weights)])
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code
        else:
            code = 0
        out, err = capsys.readouterr()
        return code, out, err

    return run


def lines(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def frames(path):
    capture = OpenCapture(str(path))
    found = list(frames_of(capture))
    capture.close()
    return found


@contextmanager
def once_watched(act):
    """Within, `act` is called in another thread as soon as a frame was looked at."""

    def wait():
        last = time.monotonic() + 60
        while not any(p.stat().st_size for p in Path.cwd().glob("runs/detect/1/*/.frames.jsonl.*")):
            assert time.monotonic() < last, "nothing was looked at"
            time.sleep(0.05)
        act()

    waiting = threading.Thread(target=wait)
    waiting.start()
    yield
    waiting.join()


def test_a_video_gives_boxes_lines_counts_and_a_plot(call, clip):
    code, out, err = call(clip(frames=12), "--conf", "0.3", "--quiet")
    folder = Path("runs/detect/1/clip")
    assert (code, err) == (0, "") and "clip.avi: 12 frames, 1.1 s: " in out
    assert sorted(p.name for p in folder.iterdir()) == ["boxes.mp4", "counts.csv", "counts.png", "frames.jsonl"]
    assert len(frames(folder / "boxes.mp4")) == 12
    rows = lines(folder / "frames.jsonl")
    assert [(row["frame"], row["seconds"]) for row in rows] == [(n, pytest.approx(n / 10)) for n in range(12)]
    boxes = [box for row in rows for box in row["boxes"]]
    assert boxes and all(box["track"] > 0 and box["class"] in ("circle", "square") for box in boxes)
    with (folder / "counts.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [(row["seconds"], row["frames"]) for row in table] == [("0", "10"), ("1", "2")]


def test_every_third_frame_is_looked_at_and_all_are_drawn(call, clip):
    code, out, _ = call(clip(frames=10), "--every", "3", "--no-track", "--json", "--quiet")
    folder = Path("runs/detect/1/clip")
    assert code == 0 and [row["frame"] for row in lines(folder / "frames.jsonl")] == [0, 3, 6, 9]
    assert len(frames(folder / "boxes.mp4")) == 10
    (entry,) = json.loads(out)
    assert (entry["frames"], entry["looked"], entry["folder"]) == (10, 4, str(folder))
    boxes = [box for row in lines(folder / "frames.jsonl") for box in row["boxes"]]
    assert boxes and all(box["track"] == 0 and box["seen"] == box["class"] for box in boxes)


def test_the_same_video_gives_the_same_lines_and_each_run_its_own_folder(call, clip):
    path = clip(frames=4)
    for _ in range(2):
        assert call(path, "--no-video", "--quiet")[0] == 0
    one, two = (Path(f"runs/detect/{n}/clip") for n in (1, 2))
    assert (one / "frames.jsonl").read_bytes() == (two / "frames.jsonl").read_bytes()
    assert not (one / "boxes.mp4").exists()


def test_a_folder_of_pictures_and_videos_is_one_run(call, clip, tmp_path):
    import cv2

    path = clip("in/a.avi", frames=3)
    shutil.copy(path, tmp_path / "in" / "A.AVI")
    cv2.imwrite(str(tmp_path / "in" / "p.png"), moving_square(0))
    code, out, _ = call("in", "--quiet", "--seconds", "0.2")
    assert code == 0 and "boxes in 1 pictures: runs/detect/1" in out and out.count("2 frames") == 2
    assert {p.name for p in Path("runs/detect/1").iterdir()} == {"a-2", "A", "p.png", "detections.json"}


def test_a_video_that_was_cut_off_gives_what_it_had_and_a_warning(call, clip):
    path = clip(frames=40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    code, _, err = call(path, "--no-video", "--quiet")
    kept = len(lines("runs/detect/1/clip/frames.jsonl"))
    assert code == 0 and 10 <= kept <= 30
    assert err == f"warning: {path}: cut off after {kept} of 40 frames; what was there is kept\n"


def test_a_container_may_promise_a_frame_too_many():
    assert not cut_off(99, 100) and not cut_off(0, 0) and cut_off(50, 100) and not cut_off(990, 1000)


def test_what_is_no_video_is_one_line_and_leaves_nothing(call, clip, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    code, out, err = call("bad.mp4", "--quiet")
    assert (code, out) == (1, "") and err.startswith("error: bad.mp4: cannot be opened, expected a whole video; ")
    assert err.count("\n") == 1 and not list(Path("runs/detect").iterdir())
    clip("good.avi", frames=2)
    code, out, err = call("*.[am][vp][i4]", "--quiet", "--on-error", "skip")
    assert code == 0 and "good.avi: 2 frames" in out and err.endswith("1 skipped\n")
    assert {p.name for p in Path("runs/detect/1").iterdir()} == {"good"}


@pytest.mark.parametrize(
    "words, message",
    [
        (("clip.avi", "--txt"), "error: --txt: is for pictures; frames.jsonl holds the boxes of a video"),
        (("p.png", "--show"), "error: --show: is for videos, cameras and streams; drop it"),
        ((), "error: SOURCE: missing, expected a file, folder, glob or URL, or --camera 0"),
        (("--camera", "97"), "error: camera 97: cannot be opened, expected a camera that no other program uses; "),
        (("clip.avi", "--fps", "nan"), "error: --fps: nan, expected a number"),
        (("clip.avi", "--give-up", "nan"), "error: --give-up: nan, expected a number, or inf"),
        (("http://me:secret@127.0.0.1:9/x?key=1",), "error: http://127.0.0.1:9/x: cannot be opened, expected a stream"),
        (("clip.avi", "--camera", "0"), "error: SOURCE: clip.avi, and --camera too, expected one of them"),
    ],
)
def test_the_users_mistakes_are_one_line(call, clip, words, message):
    import cv2

    clip(frames=1)
    cv2.imwrite("p.png", moving_square(0))
    code, out, err = call(*words, "--quiet")
    assert (code, out) == (1, "") and err.startswith(message) and err.count("\n") == 1
    assert not list(Path().glob("runs/detect/*"))


def test_show_without_a_screen_is_one_line(call, clip, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    code, out, err = call(clip(frames=1), "--show", "--quiet")
    assert (code, out) == (1, "") and err.startswith("error: --show: no window can be opened here, expected a screen")
    assert err.count("\n") == 1 and check_screen.__module__ == "detector.video.show"


def test_closing_the_window_ends_the_video_and_keeps_what_was_seen(call, clip, monkeypatch):
    class Glass:
        shown = 0

        def show(self, picture):
            assert picture.shape == (64, 96, 3)
            self.shown += 1
            return self.shown < 3

        def close(self):
            Glass.closed = True

    monkeypatch.setattr(running, "check_screen", lambda: None)
    monkeypatch.setattr(running, "Window", Glass)
    code, _, err = call(clip(frames=9), "--show", "--quiet")
    assert (code, err) == (0, "") and Glass.closed
    assert len(lines("runs/detect/1/clip/frames.jsonl")) == 3 == len(frames("runs/detect/1/clip/boxes.mp4"))


def test_a_stream_is_watched_for_as_long_as_asked(call):
    camera = Camera()
    try:
        code, out, err = call(f"http://127.0.0.1:{camera.port}/", "--seconds", "2", "--video", "--fps", "20", "--quiet")
    finally:
        camera.stop()
    (folder,) = Path("runs/detect/1").iterdir()
    assert (code, err) == (0, "") and folder.name == f"http-127.0.0.1-{camera.port}" and "frames" in out
    rows = lines(folder / "frames.jsonl")
    assert len(rows) >= 3 and rows[-1]["seconds"] < 2
    long = len(frames(folder / "boxes.mp4")) / 20
    assert long == pytest.approx(rows[-1]["seconds"] - rows[0]["seconds"], abs=0.15)


def test_a_stream_that_is_gone_for_good_keeps_what_was_seen_and_says_so(call):
    camera = Camera()
    with once_watched(camera.stop):
        code, _, err = call(f"http://127.0.0.1:{camera.port}/", "--give-up", "0.5", "--quiet")
    (folder,) = Path("runs/detect/1").iterdir()
    said = f"warning: http://127.0.0.1:{camera.port}/: no picture for 0.5 s; what was there is kept\n"
    assert (code, err) == (0, said) and lines(folder / "frames.jsonl")


def test_a_stream_that_drops_and_comes_back_is_watched_on_by_the_command(call):
    cameras = [Camera()]
    port = cameras[0].port

    def drop():
        cameras[0].stop()
        cameras.append(Camera(port))

    try:
        with once_watched(drop):
            code, _, err = call(f"http://127.0.0.1:{port}/", "--seconds", "4")
    finally:
        cameras[-1].stop()
    (folder,) = Path("runs/detect/1").iterdir()
    said = [line.rpartition(": ")[2] for line in err.splitlines() if line.startswith("http")]
    assert (code, said) == (0, ["the source dropped; opening it again", "the source is back"])
    times = [row["seconds"] for row in lines(folder / "frames.jsonl")]
    widest = max(range(1, len(times)), key=lambda k: times[k] - times[k - 1])
    assert times[widest] - times[widest - 1] > 0.4 and times == sorted(times)  # the first wait is half a second
    assert len(times) - widest >= 3


@pytest.fixture
def served(tmp_path):
    """A function: the URL of a file in this folder, by a server that sends whole files only."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *given):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield lambda name: f"http://me:secret@127.0.0.1:{server.server_address[1]}/{name}?key=1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_video_at_a_url_is_read_as_a_file_and_its_password_is_not_told(call, clip, served):
    code, out, err = call(served(clip("clip.avi", 5).name), "--no-video", "--json")
    (one,) = json.loads(out)
    assert code == 0 and one["frames"] == 5 and one["source"].startswith("http://127.0.0.1:")
    assert "secret" not in out + err and "key" not in out + err


def test_ctrl_c_ends_a_stream_as_its_end_would(call):
    camera = Camera()
    with once_watched(lambda: signal.raise_signal(signal.SIGINT)):
        code, _, err = call(f"http://127.0.0.1:{camera.port}/", "--quiet")
    camera.stop()
    (folder,) = Path("runs/detect/1").iterdir()
    assert (code, err) == (0, "") and lines(folder / "frames.jsonl")
    assert {p.name for p in folder.iterdir()} == {"counts.csv", "counts.png", "frames.jsonl"}


def test_ctrl_c_in_a_file_keeps_what_was_seen_and_exits_130(call, clip, monkeypatch):
    original, seen = running.Viewer._watch, []

    def interrupted(self, frames, *more):
        def some():
            for frame in frames:
                seen.append(frame.number)
                if len(seen) == 3:
                    signal.raise_signal(signal.SIGINT)
                yield frame

        return original(self, some(), *more)

    monkeypatch.setattr(running.Viewer, "_watch", interrupted)
    code, _, err = call(clip(frames=20), "--quiet")
    assert code == 130 and err.strip() == "interrupted; what was seen is in runs/detect/1"
    assert len(lines("runs/detect/1/clip/frames.jsonl")) == 3 == len(frames("runs/detect/1/clip/boxes.mp4"))


@pytest.mark.parametrize("ending", ["onnx", "torchscript"])
def test_an_exported_model_sees_the_same(call, clip, small_pt, ending, tmp_path):
    if ending == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    exported = tmp_path / f"m.{ending}"
    made = CliRunner().invoke(cli.cli, ["export", str(small_pt), "--to", ending, "--out", str(exported), "--quiet"])
    path = clip(frames=3)
    if made.exception:
        raise made.exception
    assert call(path, "--no-video", "--quiet", "--runtime", "torch")[0] == 0
    assert call(path, "--no-video", "--quiet", weights=exported)[0] == 0
    ours, theirs = (lines(f"runs/detect/{n}/clip/frames.jsonl") for n in (1, 2))
    assert [len(row["boxes"]) for row in ours] == [len(row["boxes"]) for row in theirs] and ours[0]["boxes"]
    for one, two in zip(ours[0]["boxes"], theirs[0]["boxes"], strict=True):
        assert one["xyxy"] == pytest.approx(two["xyxy"], abs=0.1) and one["class"] == two["class"]
