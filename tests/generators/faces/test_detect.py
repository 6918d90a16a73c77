"""Claims about photographs without boxes: their faces are found and confirmed, and become a data set of any format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from datatools import formats
from datatools.errors import UserError
from datatools.exits import run
from datatools.inspection import inspect
from datatools.problems import ERROR
from generators.cli import generators
from generators.faces import detect, landmarks, predictor
from generators.faces.detect import annotate, detections, find_faces, suppressed
from generators.sample.photographs import load as photograph

ASTRONAUT = (180.0, 80.0, 270.0, 179.0)  # hairline to chin, measured by hand
HOPPER = (185.0, 140.0, 350.0, 333.0)


@pytest.fixture(scope="module")
def model() -> predictor.Predictor:
    return predictor.load(predictor.find())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two portraits, a cat and a cup below photos/, small enough to be quick."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "photos/a/astronaut.png", half("astronaut"))
    save(tmp_path / "photos/hopper.jpg", half("grace_hopper"))
    save(tmp_path / "photos/cat.png", half("chelsea"))
    save(tmp_path / "photos/cup.png", half("coffee"))
    return tmp_path


@pytest.fixture
def faces(folder: Path, capsys: pytest.CaptureFixture) -> Callable[..., tuple[int, str, str]]:
    def call(*options: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(generators, ["faces", "photos", *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def half(name: str) -> NDArray:
    return cv2.resize(photograph(name), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def save(path: Path, pixels: NDArray, mode: str = "RGB", **how) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, **how)
    return path


def overlap(a: object, b: object) -> float:
    first, second = np.asarray(a, float), np.asarray(b, float)
    shared = np.prod(np.maximum(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0))
    return float(shared / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared))


def named(identity: str) -> str:
    """A picture's id without its split."""
    return identity.removeprefix("train/").removeprefix("val/")


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(("name", "box"), [("astronaut", ASTRONAUT), ("grace_hopper", HOPPER)])
def test_a_portraits_face_has_the_box_that_a_person_draws(model, name, box):
    (face,) = find_faces(photograph(name), model).faces
    assert overlap(face.xyxy, box) > 0.8
    assert face.points[8, 1] == pytest.approx(face.xyxy[3], abs=0.06 * face.size)


@pytest.mark.parametrize("scale", [0.2, 0.5, 2, 8])
def test_small_and_large_pictures_have_the_same_faces(model, scale):
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = cv2.resize(photograph("astronaut"), None, fx=scale, fy=scale, interpolation=how)
    found = find_faces(pixels, model).faces
    assert overlap(found[0].xyxy / scale, ASTRONAUT) > 0.75


def test_two_people_are_two_faces(model):
    both = np.zeros((600, 1024, 3), np.uint8)
    both[:512, :512], both[:, 512:] = photograph("astronaut"), photograph("grace_hopper")
    boxes = sorted(face.xyxy.tolist() for face in find_faces(both, model).faces)
    assert len(boxes) == 2
    assert overlap(boxes[0], ASTRONAUT) > 0.8 and overlap(np.array(boxes[1]) - np.array([512, 0, 512, 0]), HOPPER) > 0.8


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "brick", "grass"])
def test_what_shows_nobody_has_no_face(model, name):
    assert find_faces(photograph(name), model).faces == ()


def test_the_detector_never_works_on_more_pixels_than_the_limit(monkeypatch):
    seen = []

    class Detector:
        def run(self, grey, upsample, threshold):
            seen.append(grey.shape)
            return [], [], []

    monkeypatch.setattr(detect, "face_detector", Detector)
    for w, h in ((6000, 4000), (300, 200), (1, 1), (30_000, 2)):
        assert detections(np.zeros((h, w, 3), np.uint8)).shape == (0, 4)
    assert seen[0] == (1826, 2739) and seen[0][0] * seen[0][1] <= 1.001 * detect.WORK_PIXELS
    assert seen[1:] == [(800, 1200), (4, 4), (8, 120_000)]


def test_of_boxes_that_lie_on_each_other_the_first_stays():
    boxes = np.array([(0, 0, 10, 10), (20, 0, 30, 10), (2, 2, 8, 8), (5, 0, 15, 10), (7, 0, 17, 10)], float)
    assert suppressed(boxes) == [0, 1, 4]  # inside the first; half of it; 30 % of it
    assert suppressed(np.zeros((0, 4))) == []


def test_the_detector_is_no_second_opinion_on_its_own_finds(model, monkeypatch):
    monkeypatch.setattr(landmarks, "STABLE", 0.0)
    found = find_faces(photograph("astronaut"), model)
    assert found.faces == () and found.refused == {"unstable": 1}


def test_a_face_that_is_smaller_than_the_limit_is_counted(model):
    found = find_faces(photograph("astronaut"), model, min_face=120)
    assert found.faces == () and found.refused == {"too-small": 1}


def test_a_box_ends_at_the_pictures_edge(model):
    pixels = np.ascontiguousarray(photograph("astronaut")[85:, 185:])
    (face,) = find_faces(pixels, model).faces
    assert face.xyxy.min() == 0


def test_annotating_writes_nothing_and_says_what_was_found(folder):
    before = files(folder)
    found = annotate(Path("photos"), class_name="bare", quiet=True, workers=1)
    assert files(folder) == before
    assert found.reading.dataset.classes == ("bare",) and found.reading.problems == ()
    assert [(a.id, a.path, a.size_wh, len(a)) for a in found.reading.dataset.annotations] == [
        ("a/astronaut", "photos/a/astronaut.png", (256, 256), 1),
        ("hopper", "photos/hopper.jpg", (256, 300), 1),
    ]
    assert overlap(found.reading.dataset.annotations[0].xyxy[0] * 2, ASTRONAUT) > 0.8
    assert (found.pictures, found.unreadable) == (4, 0)
    assert found.faceless == ("photos/cat.png", "photos/cup.png")


def test_the_bare_command_writes_a_yolo_split_that_check_passes(faces, folder):
    code, out, err = faces("--workers", "1")
    assert (code, err) == (0, "")
    assert out.startswith("photos (photographs) -> data/faces\n")
    assert "4 pictures: 2 with faces, 2 without, 0 that cannot be read" in out
    assert "  no face: photos/cat.png\n  no face: photos/cup.png" in out
    found = inspect(folder / "data/faces", quiet=True)
    assert not [p for p in found.problems if p.severity == ERROR]
    assert found.reading.dataset.classes == ("without_mask",) and found.reading.dataset.counts().tolist() == [2]
    lines = [json.loads(line) for line in (folder / "data/faces/manifest.jsonl").read_text().splitlines()]
    assert [(line["sources"], line["recipe"]) for line in lines] == [(["a/astronaut"], "copy"), (["hopper"], "copy")]


@pytest.mark.parametrize("name", formats.WRITERS)
def test_every_format_holds_the_same_boxes(faces, folder, name):
    assert faces("--to", name, "--out", "out", "--class", "bare face", "--quiet", "--split", "none")[0] == 0
    written = {named(a.id): a for a in formats.read(folder / "out", quiet=True).dataset.annotations}
    found = annotate(folder / "photos", quiet=True).reading.dataset.annotations
    assert sorted(written) == ["a__astronaut", "hopper"]
    for a in found:
        assert np.allclose(written[a.id.replace("/", "__")].xyxy, a.xyxy, atol=0.01 if name != "voc" else 0.51)


def test_pictures_of_every_kind_give_the_same_face(folder):
    pixels = half("astronaut")
    save(folder / "kinds/plain.png", pixels)
    save(folder / "kinds/grey.png", pixels, "L")
    save(folder / "kinds/alpha.png", pixels, "RGBA")
    save(folder / "kinds/print.tif", pixels, "CMYK")
    grey16 = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint16) * 257
    (folder / "kinds/deep.png").write_bytes(cv2.imencode(".png", grey16)[1].tobytes())
    turned = Image.Exif()
    turned[0x0112] = 6  # stored lying on its side
    save(folder / "kinds/turned.png", np.ascontiguousarray(np.rot90(pixels)), exif=turned)
    annotations = annotate(folder / "kinds", quiet=True, workers=1).reading.dataset.annotations
    assert [a.id for a in annotations] == ["alpha", "deep", "grey", "plain", "print", "turned"]
    assert all(len(a) == 1 and overlap(a.xyxy[0] * 2, ASTRONAUT) > 0.8 for a in annotations)


def test_unreadable_pictures_are_counted_and_the_run_goes_on(faces, folder):
    data = (folder / "photos/hopper.jpg").read_bytes()
    (folder / "photos/cut.jpg").write_bytes(data[: len(data) // 2])
    (folder / "photos/text.png").write_text("no picture")
    (folder / "photos/notes.txt").write_text("not looked at")
    code, out, _ = faces("--json")
    said = json.loads(out)
    assert code == 0 and (said["pictures"], said["images"], said["unreadable"]) == (6, 2, 2)
    assert said["faceless"] == ["photos/cat.png", "photos/cup.png"]
    assert said["problems"] == {"picture-unreadable": 1, "picture-truncated": 1}
    assert [line.split(":")[1].strip() for line in said["done"]] == ["photos/cut.jpg", "photos/text.png"]


def test_where_nothing_can_be_read_that_is_an_error(faces, folder):
    for path in (folder / "photos").rglob("*.*"):
        path.write_bytes(b"")
    expected = "error: photos: none of 4 pictures can be read (the first: photos/a/astronaut.png: picture-unreadable: "
    code, _, err = faces()
    assert code == 1 and err.startswith(expected) and len(err.splitlines()) == 1
    assert not (folder / "data").exists()


def test_where_nobody_is_seen_that_is_an_error(faces, folder):
    (folder / "photos/a/astronaut.png").unlink()
    (folder / "photos/hopper.jpg").unlink()
    expected = "error: photos: no face in the pictures (2 were read), expected faces seen from the front; "
    code, _, err = faces("--keep-faceless")
    assert code == 1 and err.startswith(expected)


def test_faceless_pictures_are_kept_as_negatives_where_the_user_wants_them(faces, folder):
    assert faces("--keep-faceless", "--split", "none", "--quiet")[0] == 0
    dataset = formats.read(folder / "data/faces", quiet=True).dataset
    assert {named(a.id): len(a) for a in dataset.annotations} == {"a__astronaut": 1, "hopper": 1, "cat": 0, "cup": 0}


def test_two_pictures_of_one_name_are_a_problem_not_a_crash(faces, folder):
    save(folder / "photos/hopper.png", half("grace_hopper"))
    code, out, _ = faces("--json")
    said = json.loads(out)
    assert code == 0 and said["images"] == 1 and said["problems"] == {"stem-twice": 2}


def test_near_duplicates_stay_on_one_side(faces, folder):
    for k in range(5):
        save(folder / f"photos/again{k}.jpg", half("astronaut"), quality=60 + 5 * k)
    assert faces("--split", "0.5,0.5", "--quiet")[0] == 0
    dataset = formats.read(folder / "data/faces", quiet=True).dataset
    sides = {named(a.id): split for a, split in zip(dataset.annotations, dataset.splits, strict=True)}
    assert len({split for name, split in sides.items() if name != "hopper"}) == 1 and len(set(sides.values())) == 2


def test_the_same_bytes_whatever_the_number_of_workers(faces, folder):
    assert faces("--workers", "1", "--out", "one", "--quiet")[0] == 0
    assert faces("--workers", "2", "--out", "two", "--quiet")[0] == 0
    assert files(folder / "one") == files(folder / "two")


def test_a_dry_run_finds_all_and_writes_nothing(faces, folder):
    before = files(folder)
    code, out, _ = faces("--dry-run")
    assert code == 0 and "(dry run: nothing written)" in out and "2 with faces" in out
    assert files(folder) == before


def test_nothing_is_overwritten_unasked_and_nothing_is_looked_for_first(faces, folder, monkeypatch):
    (folder / "data/faces").mkdir(parents=True)
    monkeypatch.setattr(detect, "annotate", lambda *args, **kwargs: 1 / 0)
    code, _, err = faces()
    assert (code, err) == (1, "error: data/faces: is already there; pass --overwrite, or choose another --out\n")


@pytest.mark.parametrize(
    ("photos", "expected"),
    [
        ("nowhere", "nowhere: no such folder, expected a folder of photographs; name another"),
        ("photos/cat.png", "photos/cat.png: is a file, expected a folder of photographs; name its folder"),
        ("texts", "texts: no picture, expected .bmp .jpeg .jpg .png .tif .tiff .webp; name another folder"),
    ],
)
def test_what_is_no_folder_of_photographs_is_said(folder, photos, expected):
    (folder / "texts").mkdir()
    (folder / "texts/a.txt").write_text("text")
    with pytest.raises(UserError) as caught:
        annotate(Path(photos), quiet=True)
    assert str(caught.value) == expected


def test_a_class_needs_a_name(faces):
    assert faces("--class", " ")[2] == "error: --class: an empty name, expected the class of the faces\n"


def test_a_predictor_that_does_not_do_is_said_before_the_work(faces, model, monkeypatch):
    monkeypatch.setattr(detect, "find_faces", lambda *args, **kwargs: 1 / 0)
    five = model.path.with_name("shape_predictor_5_face_landmarks.dat")
    code, _, err = faces("--predictor", str(five))
    assert code == 1 and err.startswith(f"error: {five}: predicts 5 landmarks, expected 68; ")
