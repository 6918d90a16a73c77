import pickle
import re
import zipfile

import pytest
import torch

from detector.errors import WeightsError
from detector.network.cfg import read_cfg
from detector.network.checkpoint import Checkpoint, halved, load, open_model, packed, save
from detector.network.model import Darknet, initialise
from detector.network.weights import write_darknet

CLASSES = ("circle", "square")


def network(small_cfg, classes=2, seed=0):
    model = Darknet(read_cfg(small_cfg).adapt(classes))
    initialise(model, torch.Generator().manual_seed(seed))
    return model


def kept(model, classes=CLASSES):
    return Checkpoint(model.cfg.name, model.cfg.text, classes, 96, model.state_dict(), {"step": 3})


def test_what_is_saved_is_loaded(tmp_path, small_cfg):
    model = network(small_cfg)
    save(kept(model), tmp_path / "a.pt")
    found = load(tmp_path / "a.pt")
    assert (found.classes, found.img_size, found.state) == (CLASSES, 96, {"step": 3})
    again = found.build().state_dict()
    assert all(torch.equal(value, again[name]) for name, value in model.state_dict().items())
    assert [path.name for path in tmp_path.glob("*.pt*")] == ["a.pt"]


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.path),)


def test_code_in_a_file_is_never_run(tmp_path, small_cfg):
    trap = tmp_path / "executed"
    torch.save({"format": Evil(trap)}, tmp_path / "zip.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Evil(trap)))
    with pytest.raises(WeightsError, match=r"zip\.pt: cannot be read as plain tensors \(cut off, or it holds code"):
        load(tmp_path / "zip.pt")
    with pytest.raises(WeightsError, match=r"plain\.pt: is neither a Darknet \.weights file nor one of our \.pt"):
        open_model(tmp_path / "plain.pt", str(small_cfg), CLASSES)
    assert not trap.exists()


def test_files_that_are_not_ours_are_refused_in_one_line(tmp_path, small_cfg):
    save(kept(network(small_cfg)), tmp_path / "whole.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:2000])
    torch.save({"weights": torch.zeros(2)}, tmp_path / "other.pt")
    with zipfile.ZipFile(tmp_path / "zip.pt", "w") as archive:
        archive.writestr("readme.txt", "no tensors here")
    (tmp_path / "text.pt").write_text("a file of words, not of weights")
    for name, message in [
        ("cut.pt", "cannot be read as plain tensors"),
        ("zip.pt", "cannot be read as plain tensors"),
        ("other.pt", "is not a checkpoint of ours"),
        ("text.pt", "is not a checkpoint of ours"),
        ("none.pt", "no such file, expected a .weights, .conv.N or .pt file"),
    ]:
        with pytest.raises(WeightsError, match=re.escape(f"{name}: {message}")) as caught:
            load(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_darknet_weights_are_opened_with_a_cfg_and_must_fill_it(tmp_path, small_cfg):
    write_darknet(network(small_cfg), tmp_path / "a.weights")
    write_darknet(network(small_cfg), tmp_path / "a.conv.2", layers=2)
    model, ours = open_model(tmp_path / "a.weights", str(small_cfg), CLASSES)
    assert ours is None and model.classes == 2
    with pytest.raises(WeightsError, match=r"a\.conv\.2: holds 2 of 4 convolutions.*train from it first"):
        open_model(tmp_path / "a.conv.2", str(small_cfg), CLASSES)


def test_a_kernel_too_large_for_half_a_float_is_refused(small_cfg):
    model = network(small_cfg)
    with torch.no_grad():
        model.convolutions[0].conv.weight[0, 0, 0, 0] = 1e5
    with pytest.raises(WeightsError, match=r"weight cannot be stored as half floats, expected finite"):
        halved(kept(model))


def test_the_same_checkpoint_is_packed_into_the_same_bytes(small_cfg):
    assert packed(kept(network(small_cfg))) == packed(kept(network(small_cfg)))
