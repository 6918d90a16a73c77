import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detector.classify.crops import Cutting, cut_crops, square_of
from detector.classify.faces import read_faces
from detector.errors import DataError


def test_a_crop_is_the_square_around_the_box_with_its_margin():
    picture = np.arange(100, dtype=np.uint8).reshape(10, 10, 1).repeat(3, axis=2)
    found = square_of(picture, np.array([4.0, 3.0, 6.0, 7.0]), margin=0.25, most=256)
    assert np.array_equal(found, picture[2:8, 2:8])  # 4 high: 6 with margins, around (5, 5)


def test_what_lies_outside_the_picture_is_grey():
    found = square_of(np.zeros((10, 10, 3), dtype=np.uint8), np.array([0.0, 0.0, 2.0, 4.0]), margin=0, most=256)
    assert found[:, 0].tolist() == [[114] * 3] * 4 and not found[:, 1:].any()


@given(
    st.tuples(st.floats(0, 19), st.floats(0, 29), st.floats(0.5, 20), st.floats(0.5, 30)),
    st.floats(0, 1),
)
def test_any_crop_is_a_window_of_the_picture_on_an_endless_grey_ground(box, margin):
    picture = np.arange(600, dtype=np.int64).reshape(20, 30, 1).repeat(3, axis=2).astype(np.uint8)
    xyxy = np.array([box[1], box[0], min(30, box[1] + box[3]), min(20, box[0] + box[2])])
    found = square_of(picture, xyxy, margin, most=999)
    side = len(found)
    longer = max(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1])
    assert found.shape == (side, side, 3) and abs(side - max(1, longer * (1 + 2 * margin))) <= 0.5
    ground = np.pad(picture, ((200, 200), (200, 200), (0, 0)), constant_values=114)
    left, top = (round((xyxy[axis] + xyxy[axis + 2]) / 2 - side / 2) + 200 for axis in (0, 1))
    near = [ground[y : y + side, x : x + side] for y in (top - 1, top, top + 1) for x in (left - 1, left, left + 1)]
    assert any(np.array_equal(found, window) for window in near)


def test_a_large_crop_is_shrunk_and_a_small_one_never_enlarged():
    picture = np.full((40, 40, 3), 7, dtype=np.uint8)
    assert square_of(picture, np.array([0.0, 0.0, 40.0, 40.0]), 0, 16).shape == (16, 16, 3)
    assert square_of(picture, np.array([0.0, 0.0, 9.0, 9.0]), 0, 16).shape == (9, 9, 3)


def test_crops_stay_in_their_subset_and_know_where_they_are_from(shapes_split, tmp_path):
    split = shapes_split(train=6, val=3)
    before = {path: path.read_bytes() for path in split.rglob("*") if path.is_file()}
    cut = cut_crops(split, tmp_path / "crops", Cutting())
    assert {subset: sum(one.values()) for subset, one in cut.counts.items()} == {"train": 12, "val": 6}
    rows = list(csv.DictReader((tmp_path / "crops" / "crops.csv").read_text().splitlines()))
    assert len(rows) == 18
    for row in rows:
        assert row["file"].split("/")[:2] == [row["subset"], row["class"]]
        assert row["source"].startswith(f"images/{row['subset']}/")
        x0, y0, x1, y1 = (float(row[key]) for key in ("x0", "y0", "x1", "y1"))
        crop = np.asarray(Image.open(tmp_path / "crops" / row["file"]))
        assert crop.shape[0] == crop.shape[1] == pytest.approx(max(x1 - x0, y1 - y0) * 1.3, abs=0.6)
        red, _, blue = crop[len(crop) // 2, len(crop) // 2].tolist()
        assert (red > blue) == (row["class"] == "circle")  # circles are red, squares blue
    assert before == {path: path.read_bytes() for path in split.rglob("*") if path.is_file()}
    faces = read_faces(tmp_path / "crops")
    assert faces.classes == ("circle", "square") and len(faces.read("train")) == 12
    assert all(16 <= face.edge <= 41 for face in faces.read("val"))
    assert len({face.source for face in faces.read("val")}) == 3


def test_small_boxes_are_left_out_and_counted(shapes_split, tmp_path):
    cut = cut_crops(shapes_split(train=6, val=3), tmp_path / "crops", Cutting(least=30))
    kept = sum(cut.counts["train"].values())
    assert 0 < kept < 12 and kept + cut.small["train"] == 12
    with pytest.raises(DataError, match="no box is large enough, expected 99 pixels or more; see --least"):
        cut_crops(tmp_path / "data" / "shapes", tmp_path / "none", Cutting(least=99))
    assert not list(tmp_path.glob("*none*"))


def test_a_photograph_in_two_subsets_is_refused(shapes_split, tmp_path):
    split = shapes_split(train=2, val=2)
    (split / "images" / "val" / "9.png").write_bytes((split / "images" / "train" / "1.png").read_bytes())
    with pytest.raises(DataError, match=r"9.png: is in val, and as .*1.png in train, expected one subset a picture"):
        cut_crops(split, tmp_path / "crops", Cutting())
    assert not (tmp_path / "crops").exists()


def test_the_same_split_gives_the_same_bytes_and_nothing_is_overwritten_unasked(shapes_split, tmp_path):
    split = shapes_split(train=2, val=2)
    cut_crops(split, tmp_path / "crops", Cutting())
    read = lambda: {p: p.read_bytes() for p in (tmp_path / "crops").rglob("*") if p.is_file()}  # noqa: E731
    first = read()
    with pytest.raises(DataError, match="is there already, expected a new folder, or one of crops; give --overwrite"):
        cut_crops(split, tmp_path / "crops", Cutting())
    cut_crops(split, tmp_path / "crops", Cutting(), overwrite=True)
    assert read() == first
    (tmp_path / "mine").mkdir()
    with pytest.raises(DataError, match="mine: is there already"):
        cut_crops(split, tmp_path / "mine", Cutting(), overwrite=True)


def test_a_class_that_cannot_be_a_folder_is_refused(shapes_split, tmp_path):
    split = shapes_split(train=2, val=2)
    text = (split / "data.yaml").read_text()
    (split / "data.yaml").write_text(text.replace("circle", "'../circle'"))
    with pytest.raises(DataError, match=r"class '../circle' cannot be a folder"):
        cut_crops(split, tmp_path / "crops", Cutting())


def test_anybodys_folders_by_class_are_read(tmp_path):
    for name in ("train/b/1.png", "train/a/2.png", "val/a/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    faces = read_faces(tmp_path)
    assert faces.classes == ("a", "b") and [face.number for face in faces.read("train")] == [0, 1]
    assert faces.read("val")[0].edge is None
    with pytest.raises(DataError, match="test: no pictures, expected test/<class>/ folders; there: train, val"):
        faces.read("test")
    (tmp_path / "classes.txt").write_text("a\n")
    with pytest.raises(DataError, match="does not name b, a folder"):
        read_faces(tmp_path)


def test_a_folder_without_crops_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no folder of crops.*; run `detector classify crops`"):
        read_faces(tmp_path)
