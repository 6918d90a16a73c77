"""From the split to the batch, whatever is done to a picture: what a box says is what stands in it."""

import pytest

from detector.data.augmentation import NONE, STRONG, Augmentation
from detector.data.loader import Key, Pictures
from detector.data.split import read_split

COLOURS = {0: (220, 40, 30), 1: (30, 60, 200)}  # of the circles and squares in the pictures
STILL = {"hue": 0.0, "saturation": 0.0, "value": 0.0}
WAYS = {
    "none": NONE,
    "warped": Augmentation(**STILL, flip=0.5, scale=0.5, shift=0.2, rotate_deg=40, shear_deg=15),
    "mosaic": Augmentation(**STILL, mosaic=1.0, scale=0.5),
    "pasted": Augmentation(**STILL, copy_paste=1.0, pasted=3),
    "close": Augmentation(**STILL, close_up=1.0, rotate_deg=10, flip=0.5),
    "all": Augmentation(**STILL, mosaic=0.7, copy_paste=0.7, rotate_deg=20, scale=0.5, min_visible=0.5),
}


@pytest.mark.parametrize("way", WAYS)
def test_in_the_middle_of_a_box_is_the_colour_of_its_class(shapes_split, way):
    """Boxes at the edge of the square are cut, so their middle may be anything."""
    labelled = read_split(shapes_split(train=24)).read("train")
    pictures, seen, more = Pictures(labelled, 160, 3, WAYS[way]), 0, 0
    for key in [Key(epoch, index) for epoch in range(4) for index in range(len(pictures))]:
        _, scene = pictures[key]
        more += len(scene.xyxy) > len(labelled[key.picture].classes)
        for number, (x0, y0, x1, y1) in zip(scene.classes, scene.xyxy, strict=True):
            assert min(x0, y0) > -0.01 and max(x1, y1) < 160.01 and min(x1 - x0, y1 - y0) >= 1  # labels are rounded
            if x0 > 0 and y0 > 0 and x1 < 160 and y1 < 160:
                middle = scene.picture[int((y0 + y1) / 2), int((x0 + x1) / 2)].astype(int)
                assert abs(middle - COLOURS[int(number)]).max() < 25
                seen += 1
    assert seen > 50 and (more > 0) == (way in ("mosaic", "pasted", "all"))


def test_the_strong_preset_is_still_one_picture_with_boxes_inside(shapes_split):
    pictures = Pictures(read_split(shapes_split(train=12)).read("train"), 96, 1, STRONG)
    for index in range(12):
        _, scene = pictures[Key(2, index)]
        assert scene.picture.shape == (96, 96, 3) and scene.picture.std() > 5
        for boxes in (scene.xyxy, scene.regions):
            assert ((boxes >= 0) & (boxes <= 96)).all() and (boxes[:, 2:] > boxes[:, :2]).all()
