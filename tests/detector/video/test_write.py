import builtins

import cv2
import numpy as np
import pytest

from detector.errors import VideoError
from detector.video.capture import OpenCapture, frames_of
from detector.video.write import Writer, choose_kind

from .conftest import moving_square

CODECS = {"mp4": ("VP90", "vp09"), "webm": ("VP90", "vp09"), "h264": ("h264", "avc1")}


@pytest.mark.parametrize("kind", ["mp4", "webm", "h264"])
def test_a_video_reads_back_as_what_was_written(kind, tmp_path):
    if kind == "h264":
        pytest.importorskip("av")
    writer = Writer(tmp_path / "boxes", 12.5, kind)
    for number in range(10):
        writer.write(moving_square(number, (97, 65)))  # odd: cut to even
    writer.close()
    assert [p.name for p in tmp_path.iterdir()] == [writer.path.name]
    capture = OpenCapture(str(writer.path))
    assert capture.fps == pytest.approx(12.5)
    code = int(capture._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode()
    assert code in CODECS[kind]
    frames = list(frames_of(capture))
    capture.close()
    assert [round(f.seconds * 12.5) for f in frames] == list(range(10))
    for frame in frames:
        truth = moving_square(frame.number, (97, 65))[:64, :96, ::-1]
        assert frame.picture.shape == (64, 96, 3)
        assert np.abs(frame.picture.astype(int) - truth).mean() < 6


def test_a_frame_of_another_size_is_scaled_and_one_can_be_written_twice(tmp_path):
    writer = Writer(tmp_path / "boxes", 10.0, "webm")
    writer.write(moving_square(0), copies=3)
    writer.write(moving_square(1, (192, 128)))
    writer.close()
    capture = OpenCapture(str(writer.path))
    shapes = [frame.picture.shape for frame in frames_of(capture)]
    capture.close()
    assert shapes == [(64, 96, 3)] * 4


def test_what_went_wrong_leaves_no_file(tmp_path):
    writer = Writer(tmp_path / "boxes", 10.0, "mp4")
    writer.write(moving_square(0))
    writer.close(keep=False)
    assert list(tmp_path.iterdir()) == []


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def refuse(name, *more, **named):
        if name == "av":
            raise ImportError("No module named 'av'")
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(VideoError, match=r"--video-format h264: PyAV cannot be imported .*balanced-detection\[video\]"):
        Writer(tmp_path / "boxes", 10.0, "h264").write(moving_square(0))


def test_auto_is_h264_where_pyav_is_and_vp9_elsewhere(monkeypatch):
    monkeypatch.setattr("detector.video.write.find_spec", lambda name: None)
    assert [choose_kind(name) for name in ("auto", "mp4", "webm")] == ["mp4", "mp4", "webm"]
    monkeypatch.setattr("detector.video.write.find_spec", lambda name: object())
    assert choose_kind("auto") == "h264"


def test_a_build_without_vp9_is_said_in_one_line(tmp_path, monkeypatch):
    class Closed:
        def __init__(self, *given):
            pass

        def isOpened(self):
            return False

    monkeypatch.setattr(cv2, "VideoWriter", Closed)
    monkeypatch.setattr(cv2, "VideoWriter_fourcc", lambda *letters: 0)
    with pytest.raises(VideoError, match=r"OpenCV here cannot write VP9 \(mp4\); "):
        Writer(tmp_path / "boxes", 10.0, "mp4").write(moving_square(0))
