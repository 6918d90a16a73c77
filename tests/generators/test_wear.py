"""What a mask covers is what its class says, on both measured faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from generators import masks, wear
from generators.masks import Layer
from generators.sample.people import PEOPLE

NOSE, MOUTH, CHIN = (30, 31, 33, 35), (48, 51, 54, 57, 62, 66), (7, 8, 9)
COVERED, BARE = 0.75, 0.34


def covered(name: str, mode: str, seed: int, numbers: tuple[int, ...]) -> float:
    """Share of some landmarks inside the mask."""
    person = PEOPLE[name]
    edge = masks.outline(wear.control_points(person.points, mode, np.random.default_rng(seed))).astype(np.float32)
    return np.mean([cv2.pointPolygonTest(edge, person.points[n], False) >= 0 for n in numbers])


@pytest.mark.parametrize("name", sorted(PEOPLE))
@pytest.mark.parametrize("seed", range(8))
class TestOnEveryFace:
    def test_a_mask_worn_right_covers_nose_mouth_and_chin(self, name, seed):
        assert all(covered(name, "correct", seed, part) >= COVERED for part in (NOSE, MOUTH, CHIN))

    def test_nose_out_leaves_the_nose_bare_and_covers_mouth_and_chin(self, name, seed):
        assert covered(name, "nose_out", seed, NOSE) <= BARE
        assert all(covered(name, "nose_out", seed, part) >= COVERED for part in (MOUTH, CHIN))

    def test_under_the_chin_leaves_nose_and_mouth_bare(self, name, seed):
        assert covered(name, "nose_mouth_out", seed, NOSE) == covered(name, "nose_mouth_out", seed, MOUTH) == 0
        assert covered(name, "nose_mouth_out", seed, CHIN) >= COVERED


def test_the_sheet_of_a_mask_passes_through_its_control_points():
    rows = wear.control_points(PEOPLE["astronaut"].points, "correct", np.random.default_rng(0))
    sheet = masks.sheet(rows)
    for found, row in zip((sheet[0], sheet[len(sheet) // 2], sheet[-1]), rows, strict=True):
        assert found[[0, -1]] == pytest.approx(row[[0, -1]])


def test_a_mask_changes_the_face_below_it_and_leaves_the_eyes_alone():
    person = PEOPLE["astronaut"]
    grey = Layer(np.full((400, 400, 3), 128, np.float32), np.ones((400, 400), np.float32))
    rows = wear.control_points(person.points, "correct", np.random.default_rng(0))
    worn = masks.put_on(grey, rows, person.ears, person.size, np.array(masks.COLOURS["white"], float))
    assert worn.rgb[150, 224].mean() > 150
    assert worn.rgb[95, 203] == pytest.approx([128, 128, 128], abs=2)
    assert (grey.rgb == 128).all()


def test_a_mask_is_darker_where_the_face_below_it_is_darker():
    person = PEOPLE["astronaut"]
    rgb = np.full((400, 400, 3), 160, np.float32)
    rgb[:, :225] = 60
    rows = wear.control_points(person.points, "correct", np.random.default_rng(0))
    worn = masks.put_on(Layer(rgb, np.ones((400, 400), np.float32)), rows, person.ears, person.size, np.full(3, 200.0))
    assert worn.rgb[150, 200].mean() < worn.rgb[150, 250].mean() - 15
