"""Claims about LabelImg, with its own writers as the oracle; golden files stand in where it cannot be imported."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from datatools import formats

BOXES = [("with mask", (79, 105, 109, 142)), ("without_mask", (185, 100, 226, 144)), ("with mask", (1, 1, 400, 278))]
SIZE = (400, 278)
CLASSES = ["with mask", "without_mask"]
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def written(make, tmp_path):
    """A picture of 400×278 and what LabelImg writes of BOXES in each of its three formats."""
    pytest.importorskip("libs.pascal_voc_io", reason="labelImg is not installed")
    from libs.create_ml_io import CreateMLWriter
    from libs.pascal_voc_io import PascalVocWriter
    from libs.yolo_io import YOLOWriter

    for name in ("voc", "yolo", "createml"):
        make.noise(tmp_path / name / "face 1.jpg", SIZE)
    for writer, target in ((PascalVocWriter, "voc/face 1.xml"), (YOLOWriter, "yolo/face 1.txt")):
        one = writer("folder", "face 1.jpg", (*SIZE[::-1], 3), local_img_path="C:\\kim\\face 1.jpg")
        for name, (x1, y1, x2, y2) in BOXES:
            one.add_bnd_box(x1, y1, x2, y2, name, 0)
        extra = {"class_list": list(CLASSES)} if writer is YOLOWriter else {}
        one.save(target_file=str(tmp_path / target), **extra)
    shapes = [{"label": name, "points": [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]} for name, (x1, y1, x2, y2) in BOXES]
    CreateMLWriter("createml", "face 1.jpg", SIZE, shapes, str(tmp_path / "createml/all.json")).write()
    return tmp_path


@pytest.mark.parametrize("name", ["voc", "yolo", "createml"])
def test_what_labelimg_writes_is_read(make, written, name):
    found = formats.read(written / name, quiet=True)
    assert found.format == name
    assert not found.problems
    assert found.dataset.classes == tuple(CLASSES)
    digits = 0 if name == "yolo" else 6  # LabelImg writes six decimals of the width: 2e-4 px here
    wanted = [(label, tuple(map(float, box))) for label, box in BOXES]
    assert make.said_of(found.dataset, digits) == {"face 1": wanted}


def test_our_yolo_agrees_with_labelimgs(make, cli, written):
    source = written / "voc"
    assert (
        cli("convert", source, "--out", "out", "--split", "none", "--classes", ",".join(CLASSES), "--quiet").code == 0
    )
    ours = (written / "out/labels/train/face 1.txt").read_text().split("\n")
    theirs = (written / "yolo/face 1.txt").read_text().split("\n")
    assert len(ours) == len(theirs) == 4
    for a, b in zip(ours[:-1], theirs[:-1], strict=True):
        assert a.split()[0] == b.split()[0]
        assert [float(v) for v in a.split()[1:]] == pytest.approx([float(v) for v in b.split()[1:]], abs=5.01e-7)


@pytest.mark.filterwarnings("ignore")  # its reader leaves files open
def test_labelimg_itself_reads_our_yolo(make, cli, written):
    yolo_io = pytest.importorskip("libs.yolo_io", reason="labelImg is not installed")
    assert cli("convert", written / "voc", "--out", "out", "--split", "none", "--quiet").code == 0

    image = SimpleNamespace(width=lambda: SIZE[0], height=lambda: SIZE[1], isGrayscale=lambda: False)
    said = yolo_io.YoloReader(
        str(written / "out/labels/train/face 1.txt"), image, str(written / "out/classes.txt")
    ).get_shapes()
    assert [(s[0], (*s[1][0], *s[1][2])) for s in said] == BOXES


@pytest.mark.realdata
def test_a_real_set_agrees_with_labelimgs_yolo(cli, shared_data, tmp_path):
    yolo_io = pytest.importorskip("libs.yolo_io", reason="labelImg is not installed")
    from lxml import etree

    root = shared_data / "data/face-mask-detection-png"
    classes = ["with_mask", "without_mask", "mask_weared_incorrect"]
    args = ("convert", root, "--out", "out", "--split", "none", "--classes", ",".join(classes), "--quiet", "--no-clip")
    assert cli(*args).code == 0
    compared = 0
    for file in sorted(root.rglob("*.xml")):
        tree = etree.parse(file)
        size = [int(tree.findtext(f"size/{side}")) for side in ("height", "width")]
        one = yolo_io.YOLOWriter("", "", (*size, 3))
        ours = (tmp_path / f"out/labels/train/{file.stem}.txt").read_text().splitlines()
        for element, line in zip(tree.iterfind("object"), ours, strict=True):
            corners = {tag: int(element.findtext(f"bndbox/{tag}")) for tag in ("xmin", "ymin", "xmax", "ymax")}
            theirs = one.bnd_box_to_yolo_line(corners | {"name": element.findtext("name")}, list(classes))
            assert [float(v) for v in line.split()] == pytest.approx(theirs, abs=5e-7)
            compared += 1
    assert compared > 20


@pytest.mark.parametrize("name", ["voc", "yolo", "createml"])
def test_golden_labelimg_files_are_read(make, tmp_path, name):
    """The three files say, by hand: cat (10, 20, 110, 70) and dog (0, 0, 200, 100) in a picture of 200×100."""
    make.noise(tmp_path / "one.jpg", (200, 100))
    for file in (GOLDEN / f"labelimg_{name}").iterdir():
        make.put(tmp_path / file.name, file.read_bytes())
    found = formats.read(tmp_path, quiet=True)
    assert found.format == name and not found.problems
    wanted = {"one": [("cat", (10, 20, 110, 70)), ("dog", (0, 0, 200, 100))]}
    assert make.said_of(found.dataset, 3) == wanted


def test_a_golden_voc_file_gives_the_golden_yolo_file(make, cli, tmp_path):
    make.noise(tmp_path / "raw/one.jpg", (200, 100))
    make.put(tmp_path / "raw/one.xml", (GOLDEN / "labelimg_voc/one.xml").read_bytes())
    assert cli("convert", "--split", "none", "--quiet").code == 0
    ours = (tmp_path / "data/yolo/labels/train/one.txt").read_text().split()
    golden = (GOLDEN / "labelimg_yolo/one.txt").read_text().split()
    assert [float(v) for v in ours] == [float(v) for v in golden]
