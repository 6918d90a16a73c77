"""The mean of several runs' weights: which numbers, what is kept of where they come from, and what is refused."""

from dataclasses import asdict, replace

import pytest
import torch
import yaml

from detector.errors import RunError, WeightsError
from detector.network.average import average
from detector.network.checkpoint import load, save
from detector.shipping.average import write_average
from detector.shipping.origin import origin_of
from detector.training.options import Options


def run_of(folder, one, **given):
    """A run of two epochs, of which the first was the better."""
    (folder / "epochs").mkdir(parents=True)
    (folder / "args.yaml").write_text(yaml.safe_dump(asdict(Options(data="d", epochs=2, model="yolov3-tiny", **given))))
    (folder / "results.csv").write_text("epoch,map50\n0,\n1,0.5\n2,0.25\n")
    for name in ("best.pt", "last.pt", "epochs/002.pt"):
        save(one, folder / name)
    return folder


@pytest.fixture
def two(small_pt, tmp_path):
    """Two runs, all of whose floats are 1 and 2, at 96 and 128 pixels."""
    one = load(small_pt)
    first, second = (
        {name: torch.full_like(t, value) if t.is_floating_point() else t for name, t in one.weights.items()}
        for value in (1, 2)
    )
    return (
        run_of(tmp_path / "one", replace(one, weights=first)),
        run_of(tmp_path / "two", replace(one, weights=second, img_size=128), lr=0.005),
    )


def test_floats_are_averaged_and_the_last_ones_side_is_taken(two, tmp_path):
    made = load(write_average([two[0], two[1], two[1] / "epochs" / "002.pt"], tmp_path / "mean", overwrite=False))
    floats = [tensor for tensor in made.weights.values() if tensor.is_floating_point()]
    assert floats and all(torch.allclose(tensor, torch.tensor(5 / 3)) for tensor in floats)
    assert made.img_size == 128 and made.state == {} and made.build()


def test_where_the_parts_come_from_is_kept_for_the_card(two, tmp_path):
    made = write_average([two[0], two[1] / "epochs" / "002.pt"], tmp_path / "mean", overwrite=False)
    commands = ["detector train --data d --model yolov3-tiny --epochs 2" + more for more in ("", " --lr 0.005")]
    origin = origin_of(made)
    assert origin["parts"] == [{"command": commands[0], "epoch": 1}, {"command": commands[1], "epoch": 2}]
    assert origin["command"].splitlines() == [
        *commands, "detector average runs/train/1/epochs/001.pt runs/train/2/epochs/002.pt"
    ]  # fmt: skip


def test_the_same_parts_give_the_same_bytes_and_nothing_is_overwritten_unasked(two, tmp_path):
    made = [write_average(two, tmp_path / name, overwrite=False).read_bytes() for name in "ab"]
    assert made[0] == made[1]
    with pytest.raises(RunError, match=r"a/best\.pt: is there already, expected a new folder; give --overwrite"):
        write_average(two, tmp_path / "a", overwrite=False)


def test_a_kill_while_an_average_is_replaced_leaves_no_weights_beside_a_record_of_others(two, tmp_path, monkeypatch):
    out = tmp_path / "mean"
    write_average(two, out, overwrite=False)

    def killed(path, content):
        raise KeyboardInterrupt

    monkeypatch.setattr("detector.shipping.average.write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        write_average([two[1], two[0]], out, overwrite=True)
    assert not (out / "best.pt").exists()


def test_what_does_not_belong_together_is_refused_and_nothing_is_written(two, small_pt, tmp_path):
    one, out = load(small_pt), tmp_path / "mean"
    with pytest.raises(WeightsError, match="nothing to average it with, expected two files or more"):
        write_average(two[:1], out, overwrite=False)
    other = replace(one, classes=("a", "b"))
    with pytest.raises(WeightsError, match=r"b\.pt: classes a, b, expected a\.pt's: circle, square"):
        average([("a.pt", one), ("b.pt", other)])
    with pytest.raises(WeightsError, match=r"b\.pt: another network \(small\), expected that of a\.pt"):
        average([("a.pt", one), ("b.pt", replace(one, cfg=one.cfg + "\n"))])
    with pytest.raises(RunError, match="nowhere: no such file"):
        write_average([two[0], tmp_path / "nowhere"], out, overwrite=False)
    with pytest.raises(RunError, match=r"best\.pt: is a file, expected a folder"):
        write_average(two, two[0] / "best.pt", overwrite=False)
    (two[0] / "copy.pt").write_bytes((two[0] / "best.pt").read_bytes())
    with pytest.raises(RunError, match=r"copy\.pt: its name does not tell which epoch"):
        write_average([two[0] / "copy.pt", two[1]], out, overwrite=False)
    assert not out.exists()
