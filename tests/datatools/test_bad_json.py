"""Claims about bad input, JSON: one line that says where, what and what to do; exit 1; nothing lost."""

from __future__ import annotations

import json

import pytest


def coco(**changes: object) -> dict:
    one = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 6, 20, 12]}
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}],
        "annotations": [one | changes.pop("annotation", {})],
        "categories": [{"id": 1, "name": "cat"}],
    }
    return document | changes


BAD_COCO = [
    (coco(annotation={"bbox": [4, 6, 20]}), "number-malformed: annotation 1: bbox is [4, 6, 20], expected [x, y, w"),
    (coco(annotation={"bbox": None}), "number-malformed: annotation 1: bbox is None, expected [x, y, width, height]"),
    (coco(annotation={"bbox": [4, 6, "20", 12]}), "number-malformed: annotation 1: '20', expected a number"),
    (coco(annotation={"bbox": [4, 6, float("nan"), 12]}), "number-malformed: annotation 1: 'nan', expected a number"),
    (coco(annotation={"bbox": [4, 6, 10**400, 12]}), "number-malformed: annotation 1: '1000000"),
    (coco(annotation={"bbox": [24, 6, -20, 12]}), "box-inverted: cat 24 6 4 18: xmin > xmax"),
    (coco(annotation={"category_id": 9}), "class-unknown: annotation 1: category 9; add it to `categories`"),
    (coco(annotation={"category_id": [1]}), "class-unknown: annotation 1: category [1]"),
    (coco(annotation={"image_id": 5}), "annotation 1 is of image 5, expected an id among `images`"),
    (coco(annotation={"image_id": None}), "an entry without `image_id`"),
    (coco(images={}), "`images` is no list of objects, expected a list of {...}; restore the file"),
    (coco(images=[{"id": 1}]), "an entry without `file_name`: {'id': 1}, expected COCO JSON; complete it"),
    (coco(images=[{"id": 1, "file_name": n} for n in "ab"]), "two images with one id, expected an id of its own"),
    (coco(categories=[{"id": 1, "name": " "}]), "category 1: class name ' ', expected a text; correct it"),
    (coco(categories=[{"id": "1", "name": "cat"}]), "a category's `id` is '1', expected a whole number; correct it"),
    (coco(images=[{"id": 1, "file_name": "../../evil.jpg"}]), "picture-missing: no picture of that name"),
]


@pytest.mark.parametrize(("document", "expected"), BAD_COCO)
def test_bad_coco_is_refused(make, refused, tmp_path, document, expected):
    make.noise(tmp_path / "evil.jpg")
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/x.json", json.dumps(document))
    message = refused()
    assert message.startswith("raw/x.json: ") and expected in message, message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"categories": [', "raw/x.json:1: no JSON (Expecting value); restore the file"),
        ('{"categories": "\xe9"}'.encode("latin-1"), "raw/x.json: not UTF-8 text, expected JSON; save it as UTF-8"),
        ('{"categories": ' + "[" * 100_000, "raw/x.json: no sensible JSON"),
        ('{"categories": ' + "9" * 5000 + "}", "raw/x.json: no sensible JSON"),
        ('{"categories": []}', "raw: no coco annotations, expected COCO JSON; name the folder that holds them, or"),
        ('[{"annotations": []}]', "raw/x.json: entry 1 has no `image`, expected the picture's name; restore the file"),
        ('[{"annotations": [', "raw/x.json:1: no JSON (Expecting value); restore the file"),
        ('[{"image": "a.jpg", "annotations": 5}]', "raw/x.json: a.jpg: `annotations` is no list of objects"),
    ],
)
def test_a_broken_document_is_refused(make, refused, tmp_path, text, expected):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/x.json", text)
    assert refused().startswith(expected)


@pytest.mark.parametrize("name", ["x.json", "x.xml", "classes.txt", "data.yaml", "obj.data"])
def test_a_link_that_leads_nowhere_is_no_crash(make, cli, tmp_path, name):
    make.noise(tmp_path / "raw/a.jpg")
    make.put(tmp_path / "raw/a.txt", "0 .5 .5 .5 .5")
    (tmp_path / "raw" / name).symlink_to("nowhere")
    assert name in cli("convert", *(["--from", "voc"] if name == "x.xml" else [])).error or name == "x.json"


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ({"label": "cat"}, "box 1: no `coordinates`, expected x, y, width and height; correct it"),
        ({"label": "cat", "coordinates": {"x": 1, "y": 2, "width": 3}}, "box 1: a number is missing"),
        ({"label": "cat", "coordinates": {"x": "1", "y": 2, "width": 3, "height": 4}}, "box 1: '1', expected a number"),
        ({"coordinates": {"x": 10, "y": 10, "width": 3, "height": 4}}, "box 1: class name None, expected a text"),
    ],
)
def test_bad_createml_is_refused(make, refused, tmp_path, box, expected):
    make.noise(tmp_path / "raw/a.jpg")
    make.put(tmp_path / "raw/x.json", json.dumps([{"image": "a.jpg", "annotations": [box]}]))
    assert refused().startswith(f"raw/x.json: a.jpg: number-malformed: {expected}")
