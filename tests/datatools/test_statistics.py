"""Claims about `stats`: numbers that were counted by hand, and files that are always the same bytes."""

from __future__ import annotations

import csv
import json
import math
import warnings

import pytest

from datatools.core import Annotation, Dataset
from datatools.stats import as_frame, as_json, as_table, statistics
from datatools.stats_plot import plot


def dataset() -> Dataset:
    """Sides by hand: cat 10, 20, 40; dog 100; owl none.  c has no box; val has no dog."""
    a = Annotation("a", "", (200, 200), [[0, 0, 10, 10], [0, 0, 40, 10], [50, 50, 150, 150]], [0, 0, 1])
    b = Annotation("b", "", (200, 200), [[0, 0, 40, 40]], [0])
    c = Annotation("c", "", (200, 200))
    return Dataset(("cat", "dog", "owl"), (a, b, c), ("train", "val", "train"))


def test_counts_agree_with_those_made_by_hand():
    said = as_json(statistics(dataset()))
    assert list(said) == ["classes", "splits", "total"] and list(said["splits"]) == ["train", "val"]
    total = said["total"]
    assert total["images"] == 3 and total["negatives"] == 1 and total["boxes_total"] == 4
    assert total["boxes"] == {"cat": 3, "dog": 1, "owl": 0}
    assert total["share"] == {"cat": 0.75, "dog": 0.25, "owl": 0.0}
    assert total["boxes_per_image"] == {"mean": pytest.approx(4 / 3), "median": 1.0, "max": 3.0}
    assert total["images_with"] == {
        "cat": {"cat": 2, "dog": 1, "owl": 0},
        "dog": {"cat": 1, "dog": 1, "owl": 0},
        "owl": {"cat": 0, "dog": 0, "owl": 0},
    }
    cat = total["box_side_px"]["cat"]
    assert cat["median"] == 20 and len(cat["deciles"]) == 9 and cat["deciles"][4] == 20
    assert (cat["under_16"], cat["under_32"], cat["under_96"]) == pytest.approx((1 / 3, 2 / 3, 1))
    assert total["box_side_px"]["owl"] is None
    assert said["splits"]["train"]["boxes"] == {"cat": 2, "dog": 1, "owl": 0}
    assert said["splits"]["val"]["images"] == 1


def test_the_imbalance_is_the_most_over_the_fewest_and_null_where_a_class_has_none():
    total = statistics(dataset()).total
    assert total.imbalance() == math.inf and as_json(statistics(dataset()))["total"]["imbalance_ratio"] is None
    two = Dataset(("cat", "dog"), dataset().annotations)
    assert statistics(two).total.imbalance() == 3 and as_json(statistics(two))["total"]["imbalance_ratio"] == 3
    assert math.isnan(statistics(Dataset(("cat",))).total.imbalance())


@pytest.mark.parametrize(
    "odd",
    [
        Dataset(()),
        Dataset(("cat",)),
        Dataset((), (Annotation("a", "", (4, 3)),)),
        Dataset(("x",), (Annotation("a", "", (4, 3)),)),
    ],
)
def test_a_set_without_boxes_is_counted_all_the_same(odd):
    counted = statistics(odd)
    json.dumps(as_json(counted), allow_nan=False)
    assert "no boxes" in as_table(counted)
    assert len(as_frame(counted)) == len(odd.classes) * (len(counted.splits) + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plot(counted, ".svg")


def test_corners_beyond_every_picture_are_counted_with_finite_sides():
    far = Annotation("a", "", (40, 30), [[-1e308, -1e308, 1e308, 1e308], [1e308, 0, -1e308, 5]], [0, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        counted = statistics(Dataset(("cat",), (far,)))
        said = json.dumps(as_json(counted), allow_nan=False)
        assert plot(counted, ".svg")
    assert counted.total.sides.tolist() == [2e9, 0] and '"boxes_total": 2' in said


def test_the_table_says_what_was_counted():
    text = as_table(statistics(dataset()))
    assert "train: 2 images (1 without boxes), 3 boxes, imbalance a class has no box" in text
    assert "total: 3 images (1 without boxes), 4 boxes, imbalance a class has no box" in text
    assert "  cat        3  75.0%  ██████████████████████████████" in text
    assert "  dog        1  25.0%  ██████████\n" in text
    assert "boxes per image: median 1, mean 1.3, most 3" in text


def test_the_command_gives_strict_json_csv_and_a_plot(make, cli, tmp_path):
    make.source("ultralytics", tmp_path / "raw")
    ended = cli("stats", "raw", "--json", "--csv", "x/counts.csv", "--plot", "x/plot.png")
    assert (ended.code, ended.err) == (0, "")
    said = json.loads(ended.out, parse_constant=pytest.fail)
    assert said["source"] == "raw" and said["classes"] == list(make.classes)
    assert said["splits"]["val"]["boxes"] == {"cat": 1, "red dog & <co>": 0}
    rows = list(csv.DictReader((tmp_path / "x/counts.csv").read_text(encoding="utf-8").splitlines()))
    assert [(r["split"], r["class"], r["boxes"], r["images"]) for r in rows] == [
        ("train", "cat", "1", "1"),
        ("train", "red dog & <co>", "1", "1"),
        ("val", "cat", "1", "1"),
        ("val", "red dog & <co>", "0", "0"),
        ("total", "cat", "2", "2"),
        ("total", "red dog & <co>", "1", "1"),
    ]
    assert (tmp_path / "x/plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["voc", "yolo", "ultralytics", "darknet", "coco", "createml"])
def test_every_format_is_counted_alike(make, cli, tmp_path, name):
    make.source(name, tmp_path / "raw")
    total = json.loads(cli("stats", "raw", "--json").out)["total"]
    assert total["images"] == 3 and total["negatives"] == 1 and list(total["boxes"].values()) == [2, 1]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_plot_is_always_the_same_bytes(suffix):
    first = plot(statistics(dataset()), suffix)
    assert plot(statistics(dataset()), suffix) == first and len(first) > 5000


@pytest.mark.parametrize("name", ["$x$ $_$", "_hidden", "고양이", "a & <b>", "100%", "\\frac{", "😀"])
def test_a_plot_takes_any_class_name(name):
    boxes = Annotation("a", "", (40, 30), [[0, 0, 9, 9], [0, 0, 9, 8]], [0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plot(statistics(Dataset((name, "plain"), (boxes,))), ".svg")


def test_a_plot_of_another_type_is_refused_before_anything_is_read(cli):
    assert cli("stats", "nowhere", "--plot", "x.gif").error == (
        "x.gif: a picture of type .gif, expected .png or .svg; rename it"
    )


def test_a_bare_stats_takes_the_newest_split_or_raw_and_says_so(make, cli, tmp_path):
    make.source("voc", tmp_path / "raw")
    assert cli("stats").err == "source: raw (no split below data/ yet)\n"
    assert cli("convert", "--quiet").code == 0
    assert cli("stats").err.startswith("source: data/yolo (the only ")
    assert cli("convert", "--out", "data/other", "--quiet").code == 0
    said = cli("stats").err
    assert said.startswith("source: data/other (") and said.endswith("; also there: data/yolo)\n")
    make.put(tmp_path / "data/broken/data.yaml", "names: !!python/object:os.system []")
    assert cli("stats").error.startswith("data/broken/data.yaml: no plain YAML, expected train, val and names")


def test_errors_in_a_set_are_pointed_at(make, cli, tmp_path):
    make.voc(tmp_path / "raw", a=[("cat", ("x", 1, 2, 3)), ("cat", (1, 1, 5, 5))])
    assert cli("stats", "raw").out.endswith("1 errors in this set: see `datatools check raw`\n")
