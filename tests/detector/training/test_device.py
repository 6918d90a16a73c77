import os

import pytest
import torch

from detector.errors import UserError
from detector.network.cfg import read_cfg
from detector.network.model import Darknet
from detector.training.device import be_deterministic, choose_device, choose_layout, choose_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpu0", "--device: 'gpu0', expected cpu, cuda"),
        ("cuda:99", "--device: cuda:99 is not there, expected one of .*cpu"),
    ],
)
def test_a_device_that_is_not_there_is_said(name, message):
    with pytest.raises(UserError, match=message):
        choose_device(name)


def test_half_precision_is_chosen_on_cuda_alone_where_the_processor_has_no_tiles(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert choose_precision("auto", CPU) == choose_precision("auto", torch.device("mps")) == "off"
    for supported, kind in ((True, "bf16"), (False, "fp16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda s=supported: s)
        assert choose_precision("auto", CUDA) == kind
    with pytest.raises(UserError, match="--amp: bf16: this device has none, expected --amp fp16"):
        choose_precision("bf16", CUDA)
    with pytest.raises(UserError, match="--amp: fp16 on cpu, expected a cuda device; use --amp off"):
        choose_precision("fp16", CPU)


@pytest.mark.parametrize("tiles", [True, False])
@pytest.mark.parametrize("computes", [True, False])
def test_a_cpu_takes_bf16_unasked_only_with_tiles_that_onednn_uses(monkeypatch, tiles, computes):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: computes)
    assert choose_precision("auto", CPU) == ("bf16" if tiles and computes else "off")
    assert choose_precision("auto", torch.device("mps")) == choose_precision("off", CPU) == "off"


@pytest.mark.parametrize("computes", [True, False])
def test_bf16_on_a_cpu_is_taken_only_where_onednn_computes_with_it(monkeypatch, computes):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: computes)
    if computes:
        assert choose_precision("bf16", CPU) == "bf16"
    else:
        with pytest.raises(UserError, match="--amp: bf16: this processor only emulates it, some 25 times slower"):
            choose_precision("bf16", CPU)


def test_channels_last_goes_with_tiny_on_a_cpu_and_with_cuda(small_cfg):
    small, full = Darknet(read_cfg(small_cfg)), Darknet(read_cfg("yolov3"))
    last, plain = torch.channels_last, torch.contiguous_format
    assert [choose_layout("auto", device, model) for device in (CPU, CUDA) for model in (small, full)] == [
        last,
        plain,
        last,
        last,
    ]
    assert (choose_layout("off", CPU, small), choose_layout("on", CPU, full)) == (plain, last)


def test_determinism_is_turned_on_and_off(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    be_deterministic(True)
    assert torch.are_deterministic_algorithms_enabled() and os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    be_deterministic(False)
    assert not torch.are_deterministic_algorithms_enabled()
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
