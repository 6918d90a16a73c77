import torch

from detector.options import Options
from detector.ranks import Ranks
from detector.settle import settle

CPU, CUDA = Ranks(torch.device("cpu")), Ranks(torch.device("cuda", 0))


def test_the_full_network_goes_with_an_accelerator(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    said = []
    settled = settle(Options(data="x"), CUDA, said.append)
    assert (settled.model, settled.amp) == ("yolov3", "bf16") and said[0] == "model: yolov3 (cuda:0)"
    assert "--weights darknet53.conv.74, from https://" in said[1]


def test_the_model_goes_with_the_device_and_the_reason_is_given():
    said = []
    settled = settle(Options(data="x"), CPU, said.append)
    assert settled.model == "yolov3-tiny" and said[0].startswith("model: yolov3-tiny (a CPU: ")
    assert (settled.workers, settled.amp, settled.device) == (0, "off", "cpu")


def test_the_rate_and_the_decay_go_with_the_optimiser():
    sgd, adamw = (settle(Options(data="x", optimizer=name), CPU, lambda line: None) for name in ("sgd", "adamw"))
    assert (sgd.lr, sgd.weight_decay) == (0.01, 0.0005) and (adamw.lr, adamw.weight_decay) == (0.001, 0.05)
    given = settle(Options(data="x", optimizer="adamw", lr=0.5, weight_decay=0), CPU, lambda line: None)
    assert (given.lr, given.weight_decay) == (0.5, 0)
