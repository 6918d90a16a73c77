import io

import numpy as np
import pytest
from PIL import Image

from detector.data.loader import Pictures
from detector.data.split import read_split
from detector.training.label_plot import labels_png, sides_px

ANCHORS = [np.array([[16.0, 16.0], [24.0, 24.0]])]


@pytest.fixture
def train(shapes_split):
    return Pictures(read_split(shapes_split(train=3, val=1)).read("train"), 240)


def test_sides_are_of_the_networks_input(train):
    first = train.labelled[0].boxes[0]
    expected = np.sqrt(first[2] * 120 * first[3] * 90) * 2  # 120 x 90 shown at 240
    assert len(sides_px(train)) == 6 and sides_px(train)[0] == pytest.approx(expected)


@pytest.mark.parametrize("val", [True, False])
def test_the_picture_is_drawn_with_and_without_validation_pictures(train, val):
    picture = Image.open(io.BytesIO(labels_png(train, train if val else None, ("circle", "square"), ANCHORS, 8)))
    colours = {colour for _, colour in picture.convert("RGB").getcolors(maxcolors=1 << 20)}
    assert picture.size[0] > 1000 and len(colours) > 50


def test_a_class_without_boxes_is_a_row_of_its_own(train):
    assert labels_png(train, None, ("circle", "square", "star"), ANCHORS, 8)
