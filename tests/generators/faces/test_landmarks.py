"""Claims about landmarks from annotated boxes: they lie where the eye sees them, or the box is refused, and why."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from datatools.errors import UserError
from datatools.images import decode
from generators.faces import landmarks, predictor
from generators.faces.face import MIRRORED, Face
from generators.faces.landmarks import REASONS, Rejected, box_of, locate, square_of
from generators.sample.photographs import load as photograph

# hairline to chin, and points, measured by hand on an enlarged picture: pupils, nostrils' middle, mouth's corners, chin
BOXES = {"astronaut": (180.0, 80.0, 270.0, 179.0), "grace_hopper": (185.0, 135.0, 350.0, 333.0)}
BY_HAND = {
    "astronaut": {"eyes": ((204, 101), (246, 103)), "mouth": ((203.5, 140), (245, 141)), "chin": (224.5, 178)},
    "grace_hopper": {"eyes": ((221.5, 190), (305, 186)), "mouth": ((228, 281), (312, 279))},
}


@pytest.fixture(scope="module")
def model() -> predictor.Predictor:
    return predictor.load(predictor.find())


@pytest.fixture
def face(model) -> Face:
    return one(photograph("astronaut"), BOXES["astronaut"], model)


def one(pixels: NDArray, box: object, model: predictor.Predictor, **how: float) -> Face:
    found = locate(pixels, np.array([box], float), model, **how)[0]
    assert isinstance(found, Face), found
    return found


def why(pixels: NDArray, box: object, model: predictor.Predictor, **how: float) -> tuple[str, str]:
    found = locate(pixels, np.array([box], float), model, **how)[0]
    assert isinstance(found, Rejected) and found.reason in REASONS
    assert np.array_equal(found.xyxy, np.array(box, float), equal_nan=True)
    return found.reason, found.detail


def apart(a: NDArray, b: NDArray) -> float:
    return float(np.linalg.norm(a - b, axis=-1).mean())


@pytest.mark.parametrize("name", BY_HAND)
def test_landmarks_lie_where_a_person_sees_them(name, model):
    face = one(photograph(name), BOXES[name], model)
    p, hand = face.points, BY_HAND[name]
    allowed = 0.05 * face.size
    assert apart(np.array([p[36:42].mean(axis=0), p[42:48].mean(axis=0)]), np.array(hand["eyes"])) < allowed
    assert apart(p[[48, 54]], np.array(hand["mouth"])) < allowed
    if "chin" in hand:
        assert apart(p[8], np.array(hand["chin"])) < allowed
    assert 0 < face.spread < landmarks.STABLE and face.score is None
    assert face.xyxy.tolist() == list(BOXES[name])


@pytest.mark.parametrize("change", [(9, 0, 1), (-9, 0, 1), (0, 9, 1), (0, -9, 1), (0, 0, 1.15), (0, 0, 0.87)])
def test_a_box_drawn_a_little_otherwise_gives_the_same_landmarks(face, model, change):
    right, down, scale = change
    x1, y1, x2, y2 = BOXES["astronaut"]
    middle, half = np.array([(x1 + x2) / 2 + right, (y1 + y2) / 2 + down]), np.array([x2 - x1, y2 - y1]) / 2 * scale
    other = one(photograph("astronaut"), (*(middle - half), *(middle + half)), model)
    assert apart(other.points, face.points) < 0.02 * face.size


def test_a_face_that_is_turned_is_followed(face, model):
    pixels = photograph("astronaut")
    turn = cv2.getRotationMatrix2D((226, 130), 25, 1.0)
    turned = one(cv2.warpAffine(pixels, turn, (512, 512)), BOXES["astronaut"], model)
    assert apart(turned.points, face.points @ turn[:, :2].T + turn[:, 2]) < 0.02 * face.size


def test_the_mirrored_picture_gives_the_mirrored_landmarks(face, model):
    x1, y1, x2, y2 = BOXES["astronaut"]
    mirrored = one(photograph("astronaut")[:, ::-1], (512 - x2, y1, 512 - x1, y2), model)
    expected = face.points[list(MIRRORED)] * [-1, 1] + [512, 0]
    assert apart(mirrored.points, expected) < 0.02 * face.size


@pytest.mark.parametrize("scale", [0.25, 0.5, 2, 5])
def test_a_face_of_another_size_has_the_same_landmarks(face, model, scale):
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    pixels = cv2.resize(photograph("astronaut"), None, fx=scale, fy=scale, interpolation=how)
    other = one(pixels, np.array(BOXES["astronaut"]) * scale, model)
    assert apart(other.points / scale, face.points) < (0.02 if scale >= 0.5 else 0.04) * face.size


def test_the_same_pixels_give_the_same_numbers_alone_or_among_others(face, model):
    boxes = np.array([(0, 0, 5, 5), BOXES["astronaut"], (300, 300, 360, 360), BOXES["astronaut"]])
    found = locate(photograph("astronaut"), boxes, model)
    assert [type(f) for f in found] == [Rejected, Face, Rejected, Face]
    for other in (found[1], found[3]):
        assert np.array_equal(other.points, face.points) and other.spread == face.spread


def test_only_the_faces_surroundings_are_looked_at(model):
    """The same face in the middle of a larger picture: the same numbers, and other pixels may be anything."""
    wide = cv2.copyMakeBorder(photograph("astronaut"), 300, 300, 300, 300, cv2.BORDER_REPLICATE)
    larger = np.zeros((2400, 3000, 3), np.uint8)
    larger[700 : 700 + len(wide), 900 : 900 + wide.shape[1]] = wide
    box = np.array(BOXES["astronaut"]) + 300
    near, far = one(wide, box, model), one(larger, box + np.array([900, 700, 900, 700]), model)
    assert np.allclose(far.points - [900, 700], near.points, atol=1e-9) and far.spread == near.spread


def test_a_face_at_the_pictures_edge_is_found(face, model):
    pixels = photograph("astronaut")[84:, 190:]
    edge = one(pixels, np.array(BOXES["astronaut"]) - [190, 84, 190, 84], model)
    assert apart(edge.points, face.points - [190, 84]) < 0.05 * face.size


def test_the_square_of_a_box_and_the_box_of_a_square_belong_together():
    square = square_of(np.array([10.0, 20.0, 110.0, 120.0]))  # side 1.04 × 100, raised by 9
    assert (square.centre, square.side) == (60 + 61j, pytest.approx(104))
    assert np.allclose(box_of(np.array([[8.0, 9.0, 112.0, 113.0]])), [[10, 20, 110, 120]])


def test_the_limit_counts_the_shorter_side_and_can_be_lowered(model):
    small = cv2.resize(photograph("astronaut"), (64, 64), interpolation=cv2.INTER_AREA)
    box = np.array(BOXES["astronaut"]) / 8  # 11.25 × 12.4
    assert why(small, box, model) == ("too-small", "11.25 px, at least 16 wanted")
    assert why(small, box, model, min_face=11.3)[0] == "too-small"
    assert not isinstance(locate(small, box[None], model, min_face=11)[0], Rejected)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((180, 80, 180, 179), ("too-small", "0 px, at least 0 wanted")),
        ((270, 179, 180, 80), ("too-small", "-99 px, at least 0 wanted")),
        ((180, 80, np.nan, 179), ("too-small", "nan px, at least 0 wanted")),
        ((-60, 80, 30, 179), ("off-picture", "33% of the box is inside")),
        ((600, 80, 700, 179), ("off-picture", "0% of the box is inside")),
        ((-1e9, -1e9, 1e9, 1e9), ("off-picture", "0% of the box is inside")),
        ((0, 0, np.inf, np.inf), ("off-picture", "0% of the box is inside")),
    ],
)
def test_what_is_no_box_of_this_picture_is_refused_without_a_warning(model, box, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert why(photograph("astronaut"), box, model, min_face=0) == expected


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3)])
def test_a_picture_smaller_than_a_face_is_refused_and_no_more(model, shape):
    h, w = shape
    assert why(np.zeros((h, w, 3), np.uint8), (0, 0, w, h), model, min_face=0)[0] in (
        "unstable",
        "misplaced",
        "profile",
    )


def test_of_what_is_no_face_nearly_all_is_refused(model):
    accepted = boxes = 0
    for name in ("brick", "gravel", "coffee", "rocket", "backdrop"):
        pixels = photograph(name)
        h, w = pixels.shape[:2]
        grid = [(x, y, x + 90, y + 100) for x in range(0, w - 90, 60) for y in range(0, h - 100, 60)]
        found = locate(pixels, np.array(grid), model)
        accepted, boxes = accepted + sum(isinstance(f, Face) for f in found), boxes + len(found)
    assert boxes > 200 and accepted <= 0.04 * boxes


def test_a_face_beside_the_box_is_not_the_boxs(model, monkeypatch):
    x1, y1, x2, y2 = BOXES["astronaut"]
    assert apart(one(photograph("astronaut"), (x1 + 24, y1, x2 + 24, y2), model).points[8], np.array((224.5, 178))) < 5
    monkeypatch.setattr(landmarks, "MAX_SHIFT", 0.2)
    reason, detail = why(photograph("astronaut"), (x1 + 24, y1, x2 + 24, y2), model)
    assert reason == "misplaced" and detail in ("24% of its size beside the box", "25% of its size beside the box")


def test_a_face_that_is_much_larger_than_its_box_is_refused(model):
    reason, detail = why(photograph("astronaut"), (198, 99.8, 252, 159.2), model)
    assert reason == "misplaced" and detail.startswith("1.7") and detail.endswith(" times as large as the box")


def test_a_face_that_lies_on_its_side_is_refused(model, monkeypatch):
    pixels = photograph("astronaut")
    turn = cv2.getRotationMatrix2D((226, 130), 30, 1.0)
    turned = cv2.warpAffine(pixels, turn, (512, 512))
    monkeypatch.setattr(landmarks, "MAX_ROLL_DEG", 20.0)
    reason, detail = why(turned, BOXES["astronaut"], model)
    assert reason == "misplaced" and detail.startswith("lies on its side (")


def test_a_head_that_is_turned_beyond_the_limit_is_a_profile(face, model, monkeypatch):
    monkeypatch.setattr(landmarks, "MAX_YAW", abs(face.yaw) + 1e-6)
    assert isinstance(locate(photograph("astronaut"), np.array([BOXES["astronaut"]]), model)[0], Face)
    monkeypatch.setattr(landmarks, "MAX_YAW", abs(face.yaw) - 1e-6)
    assert why(photograph("astronaut"), BOXES["astronaut"], model) == ("profile", f"turned by {abs(face.yaw):.0%}")


def test_middling_spread_needs_the_detectors_word(face, model, monkeypatch):
    pixels, box = photograph("astronaut"), BOXES["astronaut"]
    monkeypatch.setattr(landmarks, "STABLE", face.spread)  # not below it any more
    asked = one(pixels, box, model)
    assert asked.score is not None and asked.score > 1 and np.array_equal(asked.points, face.points)
    monkeypatch.setattr(landmarks, "SCORE", asked.score)
    said = f"landmarks move by {face.spread:.1%} of the face, HOG score {asked.score:.2f}"
    assert why(pixels, box, model) == ("unstable", said)
    monkeypatch.setattr(landmarks, "BORDERLINE", face.spread)
    assert why(pixels, box, model) == ("unstable", f"landmarks move by {face.spread:.1%} of the face")


def test_no_boxes_no_faces(model):
    assert locate(photograph("astronaut"), np.zeros((0, 4)), model) == []


def test_a_predictor_of_five_points_is_refused_at_once(model):
    five = predictor.load(model.path.with_name("shape_predictor_5_face_landmarks.dat"))
    with pytest.raises(UserError, match=r"predicts 5 landmarks, expected 68; name another with --predictor"):
        locate(photograph("astronaut"), np.array([BOXES["astronaut"]]), five)


@pytest.mark.realdata
def test_more_than_two_in_three_real_faces_are_usable_and_fill_the_box_that_a_person_drew(shared_data, model):
    """Every annotated bare face of 16 pixels and more."""
    from datatools import formats

    dataset = formats.read(shared_data / "data" / "face-mask-detection", quiet=True).dataset
    bare = dataset.classes.index("without_mask")
    chosen = [a for a in dataset.annotations if (a.labels == bare).any()]
    found = [f for a in chosen for f in locate(decode(a.path), a.xyxy[a.labels == bare], model)]
    wanted = [f for f in found if (f.xyxy[2:] - f.xyxy[:2]).min() >= 16]
    faces = [f for f in wanted if isinstance(f, Face)]
    assert len(wanted) > 300 and len(faces) / len(wanted) >= 0.68
    assert {f.reason for f in wanted if isinstance(f, Rejected)} <= set(REASONS) - {"too-small"}
    assert np.median([_overlap(f) for f in faces]) > 0.75 and min(_overlap(f) for f in faces) > 0.3


def _overlap(face: Face) -> float:
    """Of the landmarks' extent and the annotated box: intersection over union."""
    low, high = face.points.min(axis=0), face.points.max(axis=0)
    sides = np.minimum(high, face.xyxy[2:]) - np.maximum(low, face.xyxy[:2])
    shared = np.prod(np.maximum(sides, 0))
    return float(shared / (np.prod(high - low) + face.size**2 - shared))
