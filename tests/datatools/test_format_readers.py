"""Claims about what each reader makes of files as they are in the wild."""

from __future__ import annotations

import json

import pytest

from datatools import formats
from datatools.core import Flag
from datatools.formats.assemble import Classes
from datatools.formats.documents import split_of
from datatools.formats.voc import plain
from datatools.tree import key_of
from datatools.walk import walk

BOX = [("cat", (4, 6, 24, 18))]


def boxes(found) -> list[list[float]]:
    return [box for a in found.dataset.annotations for box in a.xyxy.round(3).tolist()]


def codes(found) -> list[str]:
    return [p.code for p in found.problems]


# ---------------------------------------------------------------- VOC


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "euc-kr", "iso-8859-1"])
def test_voc_is_read_in_any_declared_encoding(make, tmp_path, encoding):
    name = "chat é" if encoding == "iso-8859-1" else "고양이"
    declared = "utf-8" if encoding == "utf-8-sig" else "utf-16" if encoding == "utf-16-le" else encoding
    make.noise(tmp_path / "images/a.jpg")
    text = f'<?xml version="1.0" encoding="{declared}"?>\n' + make.voc_xml([(name, (4, 6, 24, 18))])
    data = b"\xff\xfe" + text.encode(encoding) if encoding == "utf-16-le" else text.encode(encoding)
    make.put(tmp_path / "annotations/a.xml", data)
    found = formats.read(tmp_path, quiet=True)
    assert not found.problems and found.dataset.classes == (name,)


def test_voc_corners_are_taken_as_they_stand(make, tmp_path):
    make.voc(tmp_path, a=BOX)
    assert boxes(formats.read(tmp_path, quiet=True)) == [[4, 6, 24, 18]]


def test_voc_one_based_shifts_the_upper_left_corner_alone(make, cli, tmp_path):
    make.voc(tmp_path / "raw", a=[("cat", (1, 1, 40, 30))])
    assert boxes(formats.read(tmp_path / "raw", one_based=True, quiet=True)) == [[0, 0, 40, 30]]
    assert cli("convert", "--voc-one-based", "--split", "none", "--quiet").code == 0
    assert (tmp_path / "data/yolo/labels/train/a.txt").read_text().split()[1:] == [
        "0.50000000", "0.50000000", "1.00000000", "1.00000000",
    ]  # fmt: skip


def test_voc_flags_are_read(make, tmp_path):
    make.noise(tmp_path / "a.jpg")
    said = "<difficult>1</difficult><truncated>0</truncated><occluded>1</occluded>"
    make.put(tmp_path / "a.xml", make.voc_xml(BOX, extra=said))
    found = formats.read(tmp_path, quiet=True).dataset.annotations[0]
    assert found.flags.tolist() == [Flag.DIFFICULT | Flag.OCCLUDED] and found.lines.tolist() == [2]
    assert found.where(0).endswith("a.xml:2")


def test_the_devkit_layout_gives_its_splits(make, tmp_path):
    for name in "abc":
        make.noise(tmp_path / "VOC2007/JPEGImages" / f"{name}.jpg")
        make.put(tmp_path / "VOC2007/Annotations" / f"{name}.xml", make.voc_xml(BOX, name=f"{name}.jpg"))
    make.put(tmp_path / "VOC2007/ImageSets/Main/train.txt", "a\n")
    make.put(tmp_path / "VOC2007/ImageSets/Main/val.txt", "b\r\n\r\n")
    make.put(tmp_path / "VOC2007/ImageSets/Main/cat_train.txt", "a  1\nb -1\n")
    found = formats.read(tmp_path, quiet=True)
    assert found.dataset.splits == ("train", "val", "") and not found.problems


def test_a_picture_of_any_suffix_is_matched_by_its_stem(make, tmp_path):
    for k, suffix in enumerate((".jpg", ".JPG", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")):
        make.noise(tmp_path / "images" / f"p{k}{suffix}")
        make.put(tmp_path / "annotations" / f"p{k}.xml", make.voc_xml(BOX, name=f"p{k}.gif"))
    found = formats.read(tmp_path, quiet=True)
    assert len(found.dataset) == 8 and not found.problems


def test_nested_folders_are_read(make, tmp_path):
    make.voc(tmp_path, **{"2024/may/a": BOX, "2024/june/a": BOX})
    assert [a.id for a in formats.read(tmp_path, quiet=True).dataset.annotations] == ["2024/june/a", "2024/may/a"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(4.0, "4"), (-1.0, "-1"), (0.1, "0.1"), (1 / 3, "0.3333333333333333"), (1e15, "1000000000000000")],
)
def test_voc_numbers_are_written_as_a_person_would(value, text):
    assert plain(value) == text and float(text) == value


# ---------------------------------------------------------------- YOLO with data.yaml


@pytest.mark.parametrize(
    "names", ["[cat, red dog]", "{0: cat, 1: red dog}", "{1: red dog, 0: cat}", "\n  - cat\n  - red dog"]
)
def test_names_may_be_a_list_or_a_dict(make, tmp_path, names):
    make.noise(tmp_path / "images/train/a.jpg")
    make.put(tmp_path / "labels/train/a.txt", "1 .35 .4 .5 .4\n")
    make.put(tmp_path / "data.yaml", f"path: ../datasets/mine\ntrain: images/train\nnames: {names}\n")
    found = formats.read(tmp_path, quiet=True)
    assert found.dataset.classes == ("cat", "red dog")
    assert make.said_of(found.dataset) == {"a": [("red dog", (4, 6, 24, 18))]}


@pytest.mark.parametrize(
    "place",
    ["images/train", "./images/train/", "train.txt", "/content/mine/images/train", "C:\\mine\\images\\train",
     "[images/train]", "../datasets/mine/images/train"],
)  # fmt: skip
def test_a_split_may_be_a_folder_a_list_or_a_path_from_elsewhere(make, tmp_path, place):
    make.noise(tmp_path / "images/train/a.jpg")
    make.noise(tmp_path / "images/other/b.jpg")
    make.put(tmp_path / "labels/train/a.txt", "0 .35 .4 .5 .4\n")
    make.put(tmp_path / "train.txt", "/home/kim/mine/images/train/a.jpg\n")
    make.put(tmp_path / "data.yaml", f"train: {place}\nnames: [cat]\n")
    found = formats.read(tmp_path, quiet=True)
    assert [(a.id, len(a)) for a in found.dataset.annotations] == [("train/a", 1)] and not found.problems


def test_a_roboflow_split_that_is_not_there_is_never_another_one(make, cli, tmp_path):
    source = make.source("ultralytics", tmp_path / "raw")
    with (source / "data.yaml").open("a") as file:
        file.write("test: ../test/images\n")
    expected = "raw/data.yaml: no folder ../test/images with files in it, expected a folder below this one; correct or"
    assert cli("convert").error.startswith(expected)


def test_one_folder_for_two_splits_is_trained_on(make, tmp_path):
    make.noise(tmp_path / "images/a.jpg")
    make.put(tmp_path / "labels/a.txt", "0 .35 .4 .5 .4\n")
    make.put(tmp_path / "data.yaml", "train: images\nval: images\ntest: images\nnames: [cat]\n")
    assert formats.read(tmp_path, quiet=True).dataset.splits == ("train",)


def test_a_picture_without_a_label_file_is_a_negative_and_the_reverse_is_a_problem(make, tmp_path):
    make.noise(tmp_path / "images/train/a.jpg")
    make.put(tmp_path / "labels/train/lost.txt", "0 .35 .4 .5 .4\n")
    make.put(tmp_path / "data.yaml", "train: images/train\nnames: [cat]\n")
    found = formats.read(tmp_path, quiet=True)
    assert [len(a) for a in found.dataset.annotations] == [0]
    assert {p.code: p.file for p in found.problems} == {
        "annotation-missing": str(tmp_path / "images/train/a.jpg"),
        "picture-missing": str(tmp_path / "labels/train/lost.txt"),
    }


def test_a_picture_that_a_list_repeats_is_read_once(make, tmp_path):
    make.noise(tmp_path / "images/a.jpg")
    make.put(tmp_path / "labels/a.txt", "0 .35 .4 .5 .4\n")
    make.put(tmp_path / "train.txt", "images/a.jpg\nimages/a.jpg\n")
    make.put(tmp_path / "data.yaml", "train: train.txt\nnames: [cat]\n")
    found = formats.read(tmp_path, quiet=True)
    assert len(found.dataset) == 1 and codes(found) == ["listed-twice"]
    assert found.problems[0].severity == "warning" and "images/a.jpg is listed again in train" in str(found.problems[0])


# ---------------------------------------------------------------- Darknet


def test_darknet_labels_may_stand_in_a_folder_of_their_own(make, tmp_path):
    make.noise(tmp_path / "images/train/a.jpg")
    make.put(tmp_path / "labels/train/a.txt", "0 .35 .4 .5 .4\n")
    make.put(tmp_path / "names/coco.names", "cat\n")
    make.put(tmp_path / "train.txt", "D:\\kim\\images\\train\\a.jpg\r\n")
    make.put(
        tmp_path / "x.data", "# mine\nclasses=1\ntrain  = build/train.txt\nvalid=build/train.txt\nnames=coco.names"
    )
    found = formats.read(tmp_path, quiet=True)
    assert found.format == "darknet" and found.dataset.splits == ("train",)
    assert make.said_of(found.dataset) == {"a": [("cat", (4, 6, 24, 18))]}


# ---------------------------------------------------------------- COCO


def document(**changes: object) -> str:
    said = {
        "images": [{"id": 4, "file_name": "a.jpg", "width": 40, "height": 30}],
        "annotations": [
            {"id": 1, "image_id": 4, "category_id": 90, "bbox": [4, 6, 20, 12], "iscrowd": 1},
            {"id": 2, "image_id": 4, "category_id": 3, "bbox": [0.5, 0.25, 10, 10]},
        ],
        "categories": [{"id": 90, "name": "dog"}, {"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}],
    }
    return json.dumps(said | changes)


def test_sparse_category_ids_are_ordered_and_equal_names_are_one_class(make, tmp_path):
    make.noise(tmp_path / "images/a.jpg")
    make.put(tmp_path / "annotations/instances_val2017.json", document())
    found = formats.read(tmp_path, quiet=True)
    assert found.dataset.classes == ("cat", "dog") and found.dataset.splits == ("val",)
    assert make.said_of(found.dataset) == {"a": [("dog", (4, 6, 24, 18)), ("cat", (0.5, 0.25, 10.5, 10.25))]}
    assert found.dataset.annotations[0].flags.tolist() == [Flag.CROWD, 0]


def test_a_coco_file_name_never_leaves_the_folder(make, cli, tmp_path):
    make.noise(tmp_path / "evil.jpg")
    make.noise(tmp_path / "raw/images/evil.jpg", seed=1)
    make.put(tmp_path / "raw/x.json", document(images=[{"id": 4, "file_name": "../../evil.jpg"}]))
    found = formats.read(tmp_path / "raw", quiet=True)
    assert [a.path for a in found.dataset.annotations] == [str(tmp_path / "raw/images/evil.jpg")]
    assert cli("convert", "--quiet").code == 0
    assert not list(tmp_path.glob("*.txt")) and not (tmp_path / "data/evil.jpg").exists()


@pytest.mark.parametrize("size", [{}, {"width": 0, "height": 0}, {"width": None, "height": 30}])
def test_a_coco_picture_without_a_size_is_measured(make, tmp_path, size):
    make.noise(tmp_path / "a.jpg")
    make.put(tmp_path / "x.json", document(images=[{"id": 4, "file_name": "a.jpg", **size}]))
    found = formats.read(tmp_path, quiet=True)
    assert codes(found) == ["size-missing"] and found.dataset.annotations[0].size_wh == (40, 30)


def test_a_category_may_not_change_its_name_between_files(make, cli, tmp_path):
    make.noise(tmp_path / "raw/a.jpg")
    make.put(tmp_path / "raw/train.json", document())
    make.put(tmp_path / "raw/val.json", document(categories=[{"id": 3, "name": "lion"}]))
    assert cli("convert").error == (
        "raw/val.json: category 3 is 'cat' and 'lion', expected one name; correct it, or name one of the files"
    )


def test_pictures_that_a_coco_file_does_not_list_are_no_negatives(make, tmp_path):
    make.noise(tmp_path / "a.jpg")
    make.noise(tmp_path / "b.jpg")
    make.put(tmp_path / "x.json", document())
    make.put(tmp_path / "package.json", "{ broken")
    found = formats.read(tmp_path, quiet=True)
    assert [a.id for a in found.dataset.annotations] == ["a"] and not found.problems


# ---------------------------------------------------------------- CreateML


def test_createml_of_roboflow_is_read_with_its_splits(make, tmp_path):
    entry = {"label": "cat", "coordinates": {"x": 14, "y": 12, "width": 20, "height": 12}}
    for k, side in enumerate(("train", "valid", "test")):
        make.noise(tmp_path / side / "a.jpg", seed=k)
        make.put(
            tmp_path / side / "_annotations.createml.json", json.dumps([{"image": "a.jpg", "annotations": [entry]}])
        )
    found = formats.read(tmp_path, quiet=True)
    assert found.dataset.splits == ("test", "train", "val") and not found.problems
    assert boxes(found) == [[4, 6, 24, 18]] * 3


# ---------------------------------------------------------------- one file, EXIF, classes


@pytest.mark.parametrize(
    ("name", "file", "pictures"),
    [
        ("voc", "annotations/a.xml", 3),
        ("coco", "annotations/all.json", 3),
        ("createml", "_annotations.createml.json", 3),
        ("ultralytics", "data.yaml", 3),
        ("darknet", "obj.data", 3),
    ],
)
def test_an_annotation_file_may_be_named_instead_of_its_folder(make, tmp_path, name, file, pictures):
    source = make.source(name, tmp_path / "raw")
    found = formats.read(source / file, quiet=True)
    assert found.format == name and len(found.dataset) == pictures
    assert make.said_of(found.dataset)["a"] == make.answer["a"]


@pytest.mark.parametrize(("stated", "turned"), [((40, 30), True), ((30, 40), False)])
def test_boxes_in_the_stored_frame_are_turned_and_those_in_the_upright_one_are_not(make, tmp_path, stated, turned):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # stored 40×30, shown 30×40: turned by 90° clockwise
    make.noise(tmp_path / "a.jpg", (40, 30), exif=exif)
    make.put(tmp_path / "a.xml", make.voc_xml(BOX, size_wh=stated))
    found = formats.read(tmp_path, quiet=True)
    assert codes(found) == ["exif-rotated"]
    assert found.dataset.annotations[0].size_wh == (30, 40)
    # by hand: a stored point (x, y) is shown at (30 - y, x)
    assert boxes(found) == [[30 - 18, 4, 30 - 6, 24]] if turned else [[4, 6, 24, 18]]


def test_classes_are_sorted_ordered_renamed_and_dropped_as_asked(make, tmp_path):
    make.voc(tmp_path, a=[("dog", (0, 0, 9, 9)), ("cat", (1, 1, 9, 9)), ("ant", (2, 2, 9, 9))])

    def classes(*args: object) -> tuple:
        found = formats.read(tmp_path, "", Classes(*args), quiet=True)
        (a,) = found.dataset.annotations
        return found.dataset.classes, [found.dataset.classes[k] for k in a.labels], codes(found)

    assert classes() == (("ant", "cat", "dog"), ["dog", "cat", "ant"], [])
    assert classes(("dog", "cat", "ant", "owl")) == (("dog", "cat", "ant", "owl"), ["dog", "cat", "ant"], [])
    assert classes((), {"dog": "pet", "cat": "pet"}) == (("ant", "pet"), ["pet", "pet", "ant"], [])
    assert classes((), {"dog": "pet"}, frozenset({"pet"})) == (("ant", "cat"), ["cat", "ant"], [])
    assert classes(("dog",)) == (("dog",), ["dog"], ["class-unknown", "class-unknown"])


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--map", "lion=cat", "--map: no class 'lion', expected cat; check the spelling"),
        ("--drop", "lion", "--drop: no class 'lion', expected cat; check the spelling"),
    ],
)
def test_an_option_that_names_no_class_is_refused(make, cli, tmp_path, option, value, expected):
    make.voc(tmp_path / "raw", a=BOX)
    assert cli("convert", option, value).error == expected


def test_class_names_that_fit_on_no_line_are_made_plain(make, cli, tmp_path):
    make.noise(tmp_path / "raw/a.jpg")
    names = ["new\nline", "  wide   gap ", "bell\x07", "half\ud800"]
    entries = [
        {"label": n, "coordinates": {"x": 14, "y": 12, "width": 20 - k, "height": 12}} for k, n in enumerate(names)
    ]
    make.put(tmp_path / "raw/x.json", json.dumps([{"image": "a.jpg", "annotations": entries}]))
    for write in ("yolo", "voc"):
        assert cli("convert", "--split", "none", "--to", write, "--quiet").code == 0
        found = formats.read(tmp_path / "data" / write, quiet=True).dataset
        assert found.classes == ("bell_", "half_", "new line", "wide gap")


# ---------------------------------------------------------------- names of files


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("images/a/1.jpg", "a/1"),
        ("annotations/a/1.xml", "a/1"),
        ("VOC/JPEGImages/1.jpg", "VOC/1"),
        ("train/labels/a.b.txt", "train/a.b"),
        ("1.jpg", "1"),
    ],
)
def test_a_picture_and_its_annotation_share_a_key(file, key):
    assert key_of(file) == key


@pytest.mark.parametrize(
    ("file", "split"),
    [
        ("instances_train2017.json", "train"),
        ("valid/_annotations.coco.json", "val"),
        ("test.json", "test"),
        ("trainable.json", ""),
        ("contest/all.json", ""),
        ("images/_annotations.createml.json", ""),
    ],
)
def test_a_documents_name_says_its_split(file, split):
    assert split_of(file) == split


def test_the_longest_ending_that_exists_is_meant(make, tmp_path):
    for name in ("train/a.jpg", "val/a.jpg", "val/b.jpg", "deep/er/c.jpg"):
        make.put(tmp_path / name, "x")
    tree = walk(tmp_path)
    assert tree.find("/home/kim/val/a.jpg") == ["val/a.jpg"]
    assert tree.find("a.jpg") == ["train/a.jpg", "val/a.jpg"]
    assert tree.find("a.jpg", near="val") == tree.find("a.jpg", split="val") == ["val/a.jpg"]
    assert tree.find("test/b.jpg") == [], "another split's picture is never meant"
    assert tree.find("../../c.jpg") == ["deep/er/c.jpg"]
    assert tree.find("") == tree.find("..") == tree.find("nothing.jpg") == []
    assert tree.find_folder("/x/deep/er") == "deep/er" and tree.find_folder(".") == "" and tree.find_folder("x") is None
