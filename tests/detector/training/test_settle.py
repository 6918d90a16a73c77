import pytest
import torch

from detector.data.split import read_split
from detector.errors import DataError
from detector.network.anchors import parse
from detector.network.cfg import read_cfg
from detector.training.options import Options
from detector.training.ranks import Ranks
from detector.training.settle import settle, settle_anchors

CPU, CUDA = Ranks(torch.device("cpu")), Ranks(torch.device("cuda", 0))


def test_the_full_network_goes_with_an_accelerator(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    said = []
    settled = settle(Options(data="x"), CUDA, said.append)
    assert (settled.model, settled.amp) == ("yolov3", "bf16") and said[0] == "model: yolov3 (cuda:0)"
    assert "--weights darknet53.conv.74, from https://" in said[1]


def test_the_model_goes_with_the_device_and_the_reason_is_given(monkeypatch):
    monkeypatch.setattr("detector.training.device.has_bf16_tiles", lambda: False)
    said = []
    settled = settle(Options(data="x"), CPU, said.append)
    assert settled.model == "yolov3-tiny" and said[0].startswith("model: yolov3-tiny (a CPU: ")
    assert (settled.workers, settled.amp, settled.device) == (0, "off", "cpu")


@pytest.mark.parametrize("amp", ["auto", "bf16", "off"])
def test_bf16_that_was_not_asked_for_is_said(monkeypatch, amp):
    monkeypatch.setattr("detector.training.device.has_bf16_tiles", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    said = []
    settled = settle(Options(data="x", amp=amp), CPU, said.append)
    lines = [line for line in said if line.startswith("precision: bf16, for which this processor has tiles; --amp off")]
    assert settled.amp == ("off" if amp == "off" else "bf16") and len(lines) == (amp == "auto")


def test_the_rate_and_the_decay_go_with_the_optimiser():
    sgd, adamw = (settle(Options(data="x", optimizer=name), CPU, lambda line: None) for name in ("sgd", "adamw"))
    assert (sgd.lr, sgd.weight_decay) == (0.01, 0.0005) and (adamw.lr, adamw.weight_decay) == (0.001, 0.05)
    given = settle(Options(data="x", optimizer="adamw", lr=0.5, weight_decay=0), CPU, lambda line: None)
    assert (given.lr, given.weight_decay) == (0.5, 0)


def test_anchors_are_settled_as_pairs_at_the_input_size(shapes_split, tmp_path):
    split, cfg, said = read_split(shapes_split()), read_cfg("yolov3-tiny"), []
    (tmp_path / "a.yaml").write_text("img_size: 96\nanchors: [[8, 9], [20, 21]]\n")
    for given, side, wanted in (("30,31 8,9", 96, "8,9, 30,31"), (str(tmp_path / "a.yaml"), 192, "16,18, 40,42")):
        options = Options(data="x", anchors=given, img_size=side)
        assert settle_anchors(options, split, cfg, CPU, said.append).anchors == wanted
    assert said[0].startswith("anchors: 8,9, 30,31 (average IoU with the training boxes 0.")
    auto = settle_anchors(Options(data="x", anchors="auto", img_size=96), split, cfg, CPU, said.append).anchors
    assert len(parse(auto)) == 6 and settle_anchors(Options(data="x"), split, cfg, CPU, said.append).anchors is None


def test_a_broken_picture_stops_fitted_anchors_only_where_it_stops_the_run(shapes_split):
    split, cfg = read_split(shapes_split()), read_cfg("yolov3-tiny")
    next(split.sources["train"][0].iterdir()).write_bytes(b"no picture")
    options = Options(data="x", anchors="auto", img_size=96)
    with pytest.raises(DataError, match="not a picture"):
        settle_anchors(options, split, cfg, CPU, print)
    skipping = Options(data="x", anchors="auto", img_size=96, on_error="skip")
    assert settle_anchors(skipping, split, cfg, CPU, print).anchors
