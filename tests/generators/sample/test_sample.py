"""The sample is what it promises to be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from datatools import images
from datatools.duplicates import duplicate_pairs
from datatools.errors import PictureError
from generators.sample import photographs
from generators.sample.make import about, plan, render, write
from generators.sample.scene import CLASSES, Cast, Role, draw


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def manifest(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]


def objects(xml: Path) -> list[tuple[str, list[float]]]:
    found = etree.parse(xml).findall("object")
    return [(o.findtext("name"), [float(c.text) for c in o.find("bndbox")]) for o in found]


class TestThePlan:
    @settings(max_examples=40, deadline=None)
    @given(n_images=st.integers(6, 300), seed=st.integers(0, 2**31))
    def test_shows_every_class_in_any_number_of_pictures(self, n_images, seed):
        planned = plan(n_images, seed)
        assert len(planned.casts) == n_images
        assert min(planned.counts().values()) >= 1

    @pytest.mark.parametrize("seed", range(5))
    def test_is_imbalanced_as_promised(self, seed):
        counts = plan(72, seed).counts()
        n = sum(counts.values())
        assert 180 <= n <= 250
        assert counts["with_mask"] / n == pytest.approx(0.715, abs=0.01)
        assert counts["without_mask"] / n == pytest.approx(0.215, abs=0.01)
        assert counts["mask_weared_incorrect"] / n == pytest.approx(0.07, abs=0.01)

    @pytest.mark.parametrize("seed", range(5))
    def test_holds_pictures_of_several_classes_and_of_none(self, seed):
        labels = [{role.label for role in cast.roles} for cast in plan(72, seed).casts]
        assert sum(len(names) >= 2 for names in labels) >= 20
        assert sum(len(names) == 3 for names in labels) >= 2
        assert sum(not names for names in labels) == 3

    @pytest.mark.parametrize("seed", range(5))
    def test_spreads_the_rarest_class_over_enough_pictures_to_reach_every_split(self, seed):
        rare = [cast for cast in plan(72, seed).casts if any(r.label == "mask_weared_incorrect" for r in cast.roles)]
        assert len(rare) >= 8

    def test_is_the_same_for_the_same_seed_and_another_for_another(self):
        assert plan(72, 3) == plan(72, 3)
        assert plan(72, 3).casts != plan(72, 4).casts


class TestAWrittenSample:
    def test_has_the_same_bytes_from_the_same_seed_with_any_number_of_workers(self, small, tmp_path):
        write(plan(24, 0), tmp_path / "again", workers=2, quiet=True)
        assert bytes_of(tmp_path / "again") == bytes_of(small)

    def test_has_other_pictures_from_another_seed(self):
        casts = [cast for cast in plan(24, 0).casts if cast.roles][:3]
        for cast in casts:
            a, b = render(cast, 0).pixels, render(cast, 1).pixels
            assert a.shape != b.shape or (a != b).mean() > 0.5

    def test_does_not_draw_a_picture_differently_beside_others(self):
        cast = plan(24, 0).casts[5]
        assert np.array_equal(render(cast, 0).pixels, render(cast, 0).pixels)

    @pytest.mark.parametrize("seed", range(10))
    def test_finds_a_place_for_as_many_people_as_it_ever_shows(self, seed):
        cast = Cast("crowd", "grass", (Role("grace_hopper", "without_mask"),) * 5)
        assert len(draw(cast, np.random.default_rng(seed)).faces) == 5

    def test_does_not_write_a_picture_with_fewer_faces_than_planned(self):
        cast = Cast("crowd", "grass", (Role("grace_hopper", "without_mask"),) * 80)
        with pytest.raises(RuntimeError, match="80 faces do not fit a picture of "):
            draw(cast, np.random.default_rng(0))

    def test_has_one_annotation_a_picture_with_the_planned_classes(self, small):
        for cast in plan(24, 0).casts:
            assert (small / f"images/{cast.id}.jpg").is_file()
            named = [name for name, _ in objects(small / f"annotations/{cast.id}.xml")]
            assert sorted(named) == sorted(role.label for role in cast.roles)
            assert set(named) <= set(CLASSES)

    def test_states_the_true_size_of_each_picture(self, small):
        for xml in (small / "annotations").iterdir():
            size = etree.parse(xml).find("size")
            stated = (int(size.findtext("width")), int(size.findtext("height")))
            assert stated == images.measure(small / f"images/{xml.stem}.jpg").size_wh

    def test_keeps_every_box_inside_its_picture_and_large_enough_to_be_learnt(self, small):
        for xml in (small / "annotations").iterdir():
            w, h = images.measure(small / f"images/{xml.stem}.jpg").size_wh
            for _, (x1, y1, x2, y2) in objects(xml):
                assert 0 <= x1 < x2 <= w and 0 <= y1 < y2 <= h
                assert min(x2 - x1, y2 - y1) >= 28

    def test_never_lays_a_face_over_another(self, small):
        for xml in (small / "annotations").iterdir():
            boxes = [box for _, box in objects(xml)]
            for k, a in enumerate(boxes):
                for b in boxes[k + 1 :]:
                    assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])

    def test_lists_each_image_with_its_sources_recipe_and_seed(self, small):
        lines = manifest(small)
        assert [line["image"] for line in lines] == sorted(f"images/{p.name}" for p in (small / "images").iterdir())
        assert {(line["recipe"], line["seed"]) for line in lines} == {("sample", 0)}
        assert all(set(line["sources"]) <= set(photographs.PHOTOGRAPHS) for line in lines)
        first = lines[0]
        xml = small / f"annotations/{Path(first['image']).stem}.xml"
        assert [(face["class"], face["xyxy"]) for face in first["faces"]] == objects(xml)

    def test_holds_few_pictures_that_look_alike(self, small):
        hashes = {p.name: images.measure(p, dhash=True).dhash for p in (small / "images").iterdir()}
        assert len(duplicate_pairs(hashes)) <= 2

    def test_says_that_it_is_synthetic_and_not_for_use(self, small):
        text = (small / "README.txt").read_text(encoding="utf-8")
        assert text.startswith("A SYNTHETIC SAMPLE")
        assert "Not for real use" in text and "Seed 0, 24 pictures" in text

    def test_counts_its_boxes_in_its_own_readme(self, small):
        words = (small / "README.txt").read_text(encoding="utf-8").split()
        for name, count in plan(24, 0).counts().items():
            assert words[words.index(name) + 1] == str(count)


class TestSources:
    @pytest.mark.parametrize("name", sorted(photographs.PHOTOGRAPHS))
    def test_every_photograph_is_free_and_its_licence_is_listed(self, name):
        photograph = photographs.PHOTOGRAPHS[name]
        assert photograph.licence.startswith(("CC0", "public domain"))
        line = next(line for line in about(plan(24, 0)).splitlines() if line.startswith(f"- {name}: "))
        assert photograph.licence in line and photograph.source in line and photograph.file in line

    @pytest.mark.parametrize("name", sorted(photographs.PHOTOGRAPHS))
    def test_every_photograph_is_where_its_package_put_it(self, name):
        assert photographs.load(name).ndim == 3

    def test_a_loaded_photograph_cannot_be_painted_on(self):
        with pytest.raises(ValueError, match="read-only"):
            photographs.load("coffee")[0, 0] = 0

    def test_a_missing_photograph_is_reported_with_the_package_to_install(self, tmp_path, monkeypatch):
        (tmp_path / "skimage").mkdir()
        (tmp_path / "skimage/__init__.py").touch()
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(__import__("sys").modules, "skimage", raising=False)
        remedy = "scikit-image should bring it; install it again: pip install --force-reinstall scikit-image"
        with pytest.raises(PictureError, match=rf"skimage/data/astronaut\.png: no such picture.*{remedy}"):
            write(plan(6, 0), tmp_path / "raw", quiet=True)
        assert not list(tmp_path.glob("raw*"))

    def test_a_package_that_is_not_installed_is_reported_too(self, monkeypatch):
        monkeypatch.setattr(photographs, "find_spec", lambda name: None)
        with pytest.raises(PictureError, match="the package matplotlib should bring it"):
            photographs.path_of(photographs.PHOTOGRAPHS["grace_hopper"])
