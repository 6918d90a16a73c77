import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.classify.feeding import normalised, squared
from detector.classify.inception import InceptionV3
from detector.classify.mobilenet import MobileNetV2
from detector.classify.networks import HALVES, IMAGENET, build, load_weights, parameters, read_state
from detector.errors import WeightsError


def numbers(shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_the_counts_of_parameters_are_the_published_ones():
    # torchvision's documentation: 3,504,872 and 27,161,264 with 1000 classes
    assert parameters(build("mobilenet-v2", 1000)) == 3_504_872
    with torch.device("meta"):
        inception = InceptionV3(1000)
    assert parameters(inception) == 27_161_264


def test_the_second_study_counted_this_body_with_a_layer_of_128_on_top():
    """22,065,443: without scales of batch norm, with its statistics, as Keras counts; then 2048 -> 128 -> 3."""
    with torch.device("meta"):
        state = InceptionV3(3).state_dict()
    apart = ("AuxLogits.", "fc.")
    body = sum(
        value.numel()
        for name, value in state.items()
        if not name.startswith(apart) and not name.endswith(("bn.weight", "num_batches_tracked"))
    )
    assert body + (2048 * 128 + 128) + (128 * 3 + 3) == 22_065_443


def test_normalised_pictures_are_what_the_weights_were_trained_on():
    picture = np.full((1, 2, 2, 3), 255, dtype=np.uint8)
    red, green, blue = normalised(picture, IMAGENET)[0, :, 0, 0].tolist()
    assert [red, green, blue] == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    assert normalised(picture, HALVES).unique().tolist() == [1.0]


def test_a_new_network_is_the_same_for_the_same_seed_whatever_was_drawn_before():
    first = build("mobilenet-v2", 3, seed=4).state_dict()
    torch.rand(7)
    again, other = build("mobilenet-v2", 3, seed=4).state_dict(), build("mobilenet-v2", 3, seed=5).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["classifier.1.weight"], other["classifier.1.weight"])


def test_a_file_fills_all_but_the_new_head(tmp_path):
    torch.save(build("mobilenet-v2", 7, seed=1).state_dict(), tmp_path / "w.pth")
    fresh, source = build("mobilenet-v2", 3, seed=2), build("mobilenet-v2", 7, seed=1)
    before = fresh.classifier[1].weight.clone()
    assert load_weights(fresh, "mobilenet-v2", tmp_path / "w.pth", head=False) == 7
    assert torch.equal(fresh.classifier[1].weight, before)
    picture = numbers((2, 3, 32, 32))
    assert torch.equal(fresh.eval().body(picture), source.eval().body(picture))


def test_a_checkpoint_of_inception_survives_the_round_trip(tmp_path):
    source = build("inception-v3", 5, seed=1)
    torch.save(source.state_dict(), tmp_path / "inception.pth")
    again = build("inception-v3", 5, seed=2)
    load_weights(again, "inception-v3", tmp_path / "inception.pth", head=True)
    picture = numbers((1, 3, 80, 80))
    assert torch.equal(again.eval()(picture), source.eval()(picture))
    three = build("inception-v3", 3, seed=3)
    assert load_weights(three, "inception-v3", tmp_path / "inception.pth", head=False) == 5
    assert three.fc.out_features == three.AuxLogits.fc.out_features == 3
    assert torch.equal(three.eval().body(picture), source.body(picture))


@pytest.mark.slow
def test_the_auxiliary_head_answers_in_training_alone_and_from_299_pixels_on():
    network = build("inception-v3", 3)
    main, auxiliary = network.train()(numbers((2, 3, 299, 299)))
    assert main.shape == auxiliary.shape == (2, 3)
    (main.sum() + auxiliary.sum()).backward()
    assert all(p.grad is not None for p in network.AuxLogits.parameters())
    assert isinstance(network(numbers((2, 3, 128, 128))), torch.Tensor)
    assert isinstance(network.eval()(numbers((1, 3, 299, 299))), torch.Tensor)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("features.0.0.weight"), "lacks features.0.0.weight"),
        (lambda s: s.update(extra=torch.zeros(1)), "also holds extra"),
        (lambda s: s.update({"features.0.1.bias": torch.zeros(5)}), r"features.0.1.bias is \(5,\), expected \(32,\)"),
        (lambda s: s.update({"classifier.1.bias": 3}), r"classifier.1.bias is \(\)"),
    ],
)
def test_weights_of_another_network_are_refused_by_the_tensors_name(tmp_path, change, message):
    state = build("mobilenet-v2", 2).state_dict()
    change(state)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=message):
        load_weights(build("mobilenet-v2", 2), "mobilenet-v2", tmp_path / "w.pth", head=True)


@pytest.mark.parametrize("content", [b"", b"not one", b"clipped: 1.xml:3: box-outside", b"PK\x03\x04", b"\x80\x02"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"w\.pth: cannot be read as plain tensors"):
        read_state(tmp_path / "w.pth")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=40), start=st.sampled_from([b"", b"\x80\x02", b"\x80\x02}", b"c"]))
def test_no_bytes_are_a_fault_of_ours(tmp_path, content, start):
    (tmp_path / "w.pth").write_bytes(start + content)
    with pytest.raises(WeightsError, match=r"w\.pth: (cannot be read as plain tensors|holds no state dict)"):
        read_state(tmp_path / "w.pth")


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.pth: no such file"):
        read_state(tmp_path / "none.pth")


@pytest.mark.realdata
def test_imagenets_weights_know_a_cat_and_a_cup_of_espresso(shared_data):
    import skimage.data

    path = shared_data / "weights" / "mobilenet_v2-b0353104.pth"
    if not path.is_file():
        pytest.skip(f"no {path}")
    network = build("mobilenet-v2", 1000)
    assert load_weights(network, "mobilenet-v2", path, head=True) == 1000
    pictures = np.stack([squared(skimage.data.chelsea(), 224), squared(skimage.data.coffee(), 224)])
    with torch.inference_mode():
        cat, cup = network.eval()(normalised(pictures, IMAGENET)).argmax(dim=1).tolist()
    assert cat in (281, 282, 285) and cup == 967  # tabby, tiger cat, Egyptian cat; espresso


@pytest.mark.parametrize(
    ("model", "theirs", "side"), [("mobilenet-v2", "mobilenet_v2", 64), ("inception-v3", "inception_v3", 96)]
)
def test_outputs_and_names_are_torchvisions(model, theirs, side):
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchvision cannot be imported here ({error})")
    peer = getattr(models, theirs)(weights=None, num_classes=4)
    ours = build(model, 4)
    assert list(ours.state_dict()) == list(peer.state_dict())
    peer.load_state_dict(ours.state_dict(), strict=True)
    given = numbers((2, 3, side, side))
    torch.testing.assert_close(ours.eval()(given), peer.eval()(given))


def test_mobilenet_halves_the_picture_five_times():
    network = MobileNetV2(2).eval()
    assert network.features(numbers((1, 3, 96, 64))).shape == (1, 1280, 3, 2)
