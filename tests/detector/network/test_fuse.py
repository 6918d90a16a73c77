"""Batch norm folded into convolutions."""

import pytest
import torch
from torch import nn

from detector.boxes import Letterbox
from detector.data.pictures import pad, read_picture, shrink
from detector.detecting.inference import InTorch, Thresholds, as_runtime, detect_batch
from detector.network.cfg import read_cfg
from detector.network.fuse import fold, fuse
from detector.network.model import Darknet, initialise
from detector.network.weights import load_darknet


def lived_in(model: Darknet) -> Darknet:
    """Kaiming, and statistics, scales and shifts that are unlike a fresh network's."""
    generator = torch.Generator().manual_seed(1)
    initialise(model, generator)
    with torch.no_grad():
        for block in model.convolutions:
            if isinstance(block.norm, nn.BatchNorm2d):
                block.norm.running_mean.normal_(0, 0.3, generator=generator)
                block.norm.running_var.uniform_(0.2, 3, generator=generator)
                block.norm.weight.uniform_(0.5, 1.5, generator=generator)
                block.norm.bias.normal_(0, 0.3, generator=generator)
    return model


@pytest.mark.parametrize("name", ["yolov3-tiny", "yolov3-tiny-3l"])
def test_a_fused_network_says_the_same_to_1e_5_and_holds_no_batch_norm(name):
    model = lived_in(Darknet(read_cfg(name).adapt(3))).eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    fused = fuse(model)
    pictures = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        for plain, folded in zip(model(pictures), fused(pictures), strict=True):
            assert (plain - folded).abs().max() <= 1e-5 * max(1, plain.abs().max())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in before.items())


def test_fusing_twice_changes_nothing(small_cfg):
    once = fuse(lived_in(Darknet(read_cfg(small_cfg))))
    twice = fuse(once)
    assert all(torch.equal(a, b) for a, b in zip(once.parameters(), twice.parameters(), strict=True))


def test_a_convolution_that_has_a_bias_keeps_it():
    conv, norm = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3).eval()
    norm.running_mean.copy_(torch.tensor([1.0, -2.0, 0.5]))
    norm.running_var.copy_(torch.tensor([0.5, 4.0, 1.0]))
    x = torch.rand(1, 2, 5, 5)
    assert torch.allclose(fold(conv, norm)(x), norm(conv(x)), atol=1e-6)
    with pytest.raises(ValueError, match="without running statistics"):
        fold(conv, nn.BatchNorm2d(3, track_running_stats=False))


@pytest.mark.realdata
def test_cocos_tiny_finds_the_same_fused_on_a_photograph(tiny_weights, shared_data):
    model = Darknet(read_cfg("yolov3-tiny")).eval()
    load_darknet(model, tiny_weights)
    picture = read_picture(sorted((shared_data / "data" / "face-mask-detection" / "images").iterdir())[1])
    box = Letterbox((picture.shape[1], picture.shape[0]), 416)
    square = torch.from_numpy(pad(shrink(picture, 416), 416)).permute(2, 0, 1)[None].float() / 255
    plain, folded = (detect_batch(run, square, [box], Thresholds(0.1, 0.45))[0] for run in (model, as_runtime(model)))
    assert len(plain.scores) > 0 and plain.classes.tolist() == folded.classes.tolist()
    assert abs(plain.xyxy - folded.xyxy).max() < 0.01 and abs(plain.scores - folded.scores).max() < 1e-4


def test_a_runtime_stays_what_it_is_and_a_network_is_fused(small_cfg):
    model = lived_in(Darknet(read_cfg(small_cfg)))
    run = as_runtime(model)
    assert isinstance(run, InTorch) and run.model is not model and not run.model.training
    assert as_runtime(run) is run
