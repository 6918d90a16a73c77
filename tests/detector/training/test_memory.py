import pytest
import torch

from detector.errors import TrainingError
from detector.network.cfg import read_cfg
from detector.network.model import Darknet
from detector.training.memory import explained, fitting_batch, free_bytes, halved_until, kept_bytes, reckoned


@pytest.fixture
def model(small_cfg):
    return Darknet(read_cfg(small_cfg))


@pytest.mark.parametrize(("limit", "batch"), [(1000, 64), (64, 64), (63, 32), (9, 8), (1, 1), (0, 1)])
def test_batches_are_halved_until_one_fits(limit, batch):
    assert halved_until(lambda size: size <= limit) == batch


@pytest.mark.parametrize(("pictures", "batch"), [(0.2, 1), (1.1, 1), (2.1, 2), (7.9, 4), (1e6, 64)])
def test_the_largest_power_of_two_that_fits_into_three_quarters_is_reckoned(pictures, batch):
    kept = 1000
    assert reckoned(int(pictures * kept * 1.5 / 0.75), kept) == batch


def test_what_autograd_keeps_is_at_least_every_convolutions_input_and_goes_with_the_pixels(model):
    inputs = 4 * (3 * 96 * 96 + 16 * 48 * 48 + 32 * 24 * 24 + 64 * 12 * 12)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    kept = kept_bytes(model.eval(), 96, "off")
    assert inputs <= kept <= 5 * inputs
    assert kept_bytes(model, 192, "off") == pytest.approx(4 * kept, rel=0.02)
    assert not model.training and all(torch.equal(v, before[name]) for name, v in model.state_dict().items())


def test_a_batch_is_found_on_a_cpu(model, monkeypatch):
    assert free_bytes() > 2**20
    monkeypatch.setattr("detector.training.memory.free_bytes", lambda: 10 * kept_bytes(model, 96, "off"))
    assert fitting_batch(model, 96, "off") == 4


def test_in_half_precision_autograd_keeps_about_half_and_more_pictures_fit(model, monkeypatch):
    full, half = (kept_bytes(model, 96, precision) for precision in ("off", "bf16"))
    assert 0.4 * full < half < 0.75 * full
    monkeypatch.setattr("detector.training.memory.free_bytes", lambda: 10 * full)
    assert (fitting_batch(model, 96, "off"), fitting_batch(model, 96, "bf16")) == (4, 8)


def test_the_kernels_are_no_part_of_what_is_kept_of_a_picture():
    wide = Darknet(read_cfg("yolov3-tiny"))  # 8.8 million weights, and hardly a pixel
    assert kept_bytes(wide, 64, "bf16") < 4_000_000 < sum(p.numel() for p in wide.parameters())


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), MemoryError()]
)
def test_running_out_of_memory_is_one_line_with_a_batch_that_would_fit(model, monkeypatch, error):
    monkeypatch.setattr("detector.training.memory.free_bytes", lambda: 20 * kept_bytes(model, 96, "off"))
    said = r"^--batch 64: out of memory at 96 px; try --batch 8, with --nominal-batch 64 for the same steps$"
    with pytest.raises(TrainingError, match=said), explained(model, 64, 96, "off"):
        raise error
    said = r"^--batch 1: out of memory at 96 px; try a lower --img-size or a smaller --model$"
    with pytest.raises(TrainingError, match=said), explained(model, 1, 96, "off"):
        raise error


def test_an_allocation_that_no_machine_can_make_is_recognised(model):
    with pytest.raises(TrainingError, match="--batch 8: out of memory"), explained(model, 8, 96, "off"):
        torch.empty(2**55)


def test_other_errors_pass(model):
    with pytest.raises(RuntimeError, match="sizes of tensors"), explained(model, 8, 96, "off"):
        raise RuntimeError("sizes of tensors must match")
