import csv
import io
import json
import shutil

import pytest
import torch

from detector.detecting.inference import Thresholds
from detector.errors import RunError
from detector.judging.epochs import judge_epochs
from detector.network.cfg import read_cfg
from detector.network.checkpoint import Checkpoint, save
from detector.network.model import Darknet, initialise


@pytest.fixture
def run(shapes_split, small_cfg, tmp_path):
    """A run's folder: epochs 2 and 10, and best.pt, the same as 10; its data is beside it."""
    data, folder = shapes_split(train=1, val=3), tmp_path / "run"
    (folder / "epochs").mkdir(parents=True)
    (folder / "args.yaml").write_text(f"data: {data}\n")
    for seed, name in ((0, "epochs/002.pt"), (1, "epochs/010.pt")):
        model = Darknet(read_cfg(small_cfg))
        initialise(model, torch.Generator().manual_seed(seed))
        kept = Checkpoint(str(small_cfg), model.cfg.text, ("circle", "square"), 96, model.state_dict())
        save(kept, folder / name)
    shutil.copy(folder / "epochs/010.pt", folder / "best.pt")
    return folder


def judged(folder, **more):
    given = {"data": None, "subset": "val", "how": Thresholds(), "batch": 2, "img_size": None, "device": "cpu"}
    given |= {"workers": 0, "quiet": True, "split": lambda: pytest.fail("the run names its data")}
    return judge_epochs(folder, **given | more)


def test_every_checkpoint_has_a_row_in_the_order_of_epochs(run):
    epochs = judged(run)
    assert [row["file"] for row in epochs.rows] == ["epochs/002.pt", "epochs/010.pt", "best.pt"]
    assert [row["epoch"] for row in epochs.rows] == [2, 10, None] and epochs.judged == 3
    assert epochs.rows[1]["map50"] == epochs.rows[2]["map50"]
    assert epochs.best in epochs.numbered
    rows = list(csv.DictReader(io.StringIO((run / "epochs.csv").read_text())))
    assert [float(row["map50"]) for row in rows] == [row["map50"] for row in epochs.rows]
    assert (run / "epochs.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(json.dumps(epochs.as_json()))["best"] == epochs.best["file"]


def test_what_was_judged_is_not_judged_again_unless_it_changed(run):
    first = judged(run)
    assert judged(run).judged == 0 and judged(run).rows == first.rows
    shutil.copy(run / "epochs/002.pt", run / "best.pt")
    assert judged(run).judged == 1
    assert judged(run, how=Thresholds(overlap=0.6)).judged == 3
    label = next((run.parent / "data" / "shapes" / "labels" / "val").iterdir())
    label.write_text("0 0.5 0.5 0.2 0.2\n")
    assert judged(run).judged == 3


def test_a_stopped_judging_is_taken_up_where_it_was(run, monkeypatch):
    import detector.judging.epochs

    real, calls = detector.judging.epochs.evaluate, []

    def stops(*given):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(detector.judging.epochs, "evaluate", stops)
    with pytest.raises(KeyboardInterrupt):
        judged(run)
    assert judged(run).judged == 2
    for name in ("epochs/002.pt", "best.pt"):
        shutil.copy(run / "epochs/010.pt", run / name)
    (run / "best.pt").write_bytes((run / "epochs/002.pt").read_bytes())
    calls.clear()
    calls.append(1)
    with pytest.raises(KeyboardInterrupt):
        judged(run)  # at 002.pt, which changed
    assert len((run / "epochs.csv").read_text().splitlines()) == 4  # what was known of the others is still there


def test_a_csv_of_other_columns_is_replaced_and_one_without_sense_is_named(run):
    (run / "epochs.csv").write_text("a,b\n1,2\n")
    first = judged(run)
    assert first.judged == 3
    text = (run / "epochs.csv").read_text()
    (run / "epochs.csv").write_text(text.replace("002.pt,2,", "002.pt,two,"))
    with pytest.raises(RunError, match=r"epochs\.csv: holds invalid literal.*; remove it"):
        judged(run)


def test_a_folder_without_checkpoints_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"no checkpoints, expected epochs/<n>\.pt, best\.pt or last\.pt"):
        judged(tmp_path)
    with pytest.raises(RunError, match="no such folder"):
        judged(tmp_path / "none")
