import sys

import pytest

from detector.errors import UserError
from detector.training.board import Board

LINE = {"epoch": 0, "lr": None, "box": None, "map50": 0.25, "ap50_circle": 0.5, "val_loss": None}


def test_what_is_written_is_what_tensorboard_reads(tmp_path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = Board(tmp_path, 0)
    board.write(LINE)
    board.write({**LINE, "epoch": 1, "lr": 0.01, "box": 3.5})
    Board(tmp_path, 1).write({**LINE, "epoch": 1, "lr": 0.02, "box": 4.5})  # a resumed run repeats an epoch
    events = reading.EventAccumulator(str(tmp_path))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"val/mAP@.5", "val/ap50_circle", "rate", "loss/box"}
    assert [(one.step, one.value) for one in events.Scalars("val/mAP@.5")] == [(0, 0.25), (1, 0.25)]
    assert [(one.step, one.value) for one in events.Scalars("loss/box")] == [(1, 4.5)]


def test_without_tensorboard_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(
        UserError, match=r"--tensorboard: TensorBoard is not .*pip install 'balanced-detection\[tensorb"
    ):
        Board(tmp_path, 0)
