import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.boxes import Letterbox
from detector.detecting.fusion import fused
from detector.detecting.inference import InTorch, Thresholds, detect_batch
from detector.errors import UserError
from detector.judging.found import Found
from detector.network.cfg import read_cfg
from detector.network.model import Darknet, initialise


def found(*rows):
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4].astype(int), table[:, 5])


def test_a_box_that_all_views_saw_is_their_weighted_mean_with_their_mean_score():
    one = fused([found((0, 0, 10, 10, 1, 0.9)), found((0, 0, 10, 12, 1, 0.3))])
    assert one.xyxy.tolist() == [pytest.approx([0, 0, 10, (0.9 * 10 + 0.3 * 12) / 1.2])]
    assert one.scores.tolist() == [pytest.approx(0.6)] and one.classes.tolist() == [1]


def test_a_box_that_one_of_two_views_saw_keeps_half_its_score():
    one = fused([found((0, 0, 10, 10, 0, 0.8)), found()])
    assert one.scores.tolist() == [pytest.approx(0.4)]
    other_class = fused([found((0, 0, 10, 10, 0, 0.8)), found((0, 0, 10, 10, 1, 0.6))])
    assert other_class.scores.tolist() == [pytest.approx(0.4), pytest.approx(0.3)]


def test_nothing_seen_is_nothing():
    assert fused([found(), found()]).xyxy.shape == (0, 4)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_equal_views_fuse_to_what_each_saw_where_boxes_stand_apart(seed, count):
    rng = np.random.default_rng(seed)
    corner = np.column_stack((np.arange(count) * 40.0, rng.uniform(0, 5, count)))
    boxes = np.concatenate((corner, corner + rng.uniform(5, 30, corner.shape)), axis=1)
    scores = np.sort(rng.uniform(0.1, 1, count))[::-1]
    one = Found(boxes, rng.integers(0, 2, count), scores)
    both = fused([one, one, one])
    assert np.allclose(both.xyxy, boxes) and np.allclose(both.scores, scores)
    assert both.classes.tolist() == one.classes.tolist()


@pytest.fixture
def network(small_cfg):
    model = Darknet(read_cfg(small_cfg)).eval()
    initialise(model, torch.Generator().manual_seed(0))
    return model


def mirrored(one, width):
    return Found(one.xyxy[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (width, 0, width, 0), one.classes, one.scores)


def test_a_picture_and_its_mirror_image_are_seen_alike_up_to_mirroring(network):
    pictures, box = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)), [Letterbox((96, 96), 96)]
    how = Thresholds(0.001, 0.45, views="flip")
    there = detect_batch(network, pictures, box, how)[0]
    back = mirrored(detect_batch(network, pictures.flip(3), box, how)[0], 96)
    assert len(there.scores) > 5
    assert np.allclose(np.sort(there.scores), np.sort(back.scores), atol=1e-5)
    plain = detect_batch(network, pictures, box, Thresholds(0.001, 0.45))[0]
    assert not np.allclose(np.sort(plain.scores)[-5:], np.sort(there.scores)[-5:], atol=1e-5)


def test_other_sizes_come_back_to_the_pixels_of_the_picture(network):
    """A network that finds the one bright square of a picture, whatever its size."""
    sizes = []

    class Bright(InTorch):
        def __call__(self, pictures):
            sizes.append(pictures.shape[-1])
            bright = pictures[0, 0] > 0.5
            y, x = (torch.nonzero(bright.any(dim=d))[:, 0] for d in (1, 0))
            box = torch.tensor([[[x[0], y[0], x[-1] + 1, y[-1] + 1]]], dtype=torch.float32)
            return box, torch.tensor([[[0.8]]])

    picture = torch.zeros(1, 3, 96, 96)
    picture[:, :, 16:48, 8:40] = 1
    seen = detect_batch(Bright(network), picture, [Letterbox((192, 192), 96)], Thresholds(views="full"))[0]
    assert sizes == [96, 96, 72, 120]
    assert seen.xyxy[0].tolist() == pytest.approx([16, 32, 80, 96], abs=2.5)
    assert seen.scores.tolist() == [pytest.approx(0.8)]


def test_what_one_view_saw_alone_counts_by_its_share_of_the_score(network):
    class OneEyed(InTorch):
        def __call__(self, pictures):
            mirrored = bool(pictures[0, 0, 0, 0] < pictures[0, 0, 0, -1])
            box, score = torch.tensor([[[8.0, 8, 40, 40]]]), 0.2 if mirrored else 0.7
            return (box if not mirrored else torch.tensor([[[56.0, 8, 88, 40]]])), torch.tensor([[[score]]])

    picture, box = torch.zeros(1, 3, 96, 96), [Letterbox((96, 96), 96)]
    picture[..., 0] = 1
    both = detect_batch(OneEyed(network), picture, box, Thresholds(0.4, views="flip"))[0]
    assert both.scores.tolist() == [pytest.approx(0.45)]  # the mirror image's .2 is below .4 alone
    assert len(detect_batch(OneEyed(network), picture, box, Thresholds(0.5, views="flip"))[0].scores) == 0


def test_other_sizes_are_refused_for_an_exported_model():
    class Exported:
        device = torch.device("cpu")

        def __call__(self, pictures):
            return torch.zeros(1, 0, 4), torch.zeros(1, 0, 2)

    with pytest.raises(UserError, match=r"--tta full: an exported model takes one size, .*; use --tta flip"):
        detect_batch(Exported(), torch.zeros(1, 3, 96, 96), [Letterbox((96, 96), 96)], Thresholds(views="full"))
