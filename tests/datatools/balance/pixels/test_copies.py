"""A copy's file is compressed as its source is, and as the policy drew; further boxes go along with the geometry."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datatools.balance.pixels.augment import Augmenter
from datatools.balance.pixels.copies import Copier, Task
from datatools.balance.pixels.policy import Policy
from datatools.cli import datatools
from datatools.core import Annotation
from datatools.exits import run
from datatools.images import CHROMA_420, CHROMA_422, CHROMA_444, compression, decode

PIXELS = np.random.default_rng(0).integers(0, 255, (8, 12, 3)).astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)


def copier(path: Path, colour: dict | None = None) -> Copier:
    a = Annotation("images/train/a", str(path), (96, 64), np.array([[10.0, 10, 30, 30]]), np.zeros(1, int))
    return Copier(Task(a, (np.array([True]),)), Augmenter(Policy({}, colour or {}), 0.6), 0)


def saved(path: Path, **how: object) -> Path:
    Image.fromarray(PIXELS).save(path, **how)
    return path


def made(path: Path, suffix: str = ".jpg", quality: int = 95, colour: dict | None = None) -> bytes:
    one = copier(path, colour)
    return one.encoded(one.make(1), suffix, quality)


def compressed_as(data: bytes, tmp_path: Path) -> object:
    file = tmp_path / "made.jpg"
    file.write_bytes(data)
    return compression(file)


@pytest.mark.parametrize("sampling", [CHROMA_444, CHROMA_422, CHROMA_420])
def test_the_chroma_of_a_jpeg_is_sampled_as_in_its_source(tmp_path: Path, sampling: int) -> None:
    source = saved(tmp_path / "a.jpg", quality=80, subsampling=sampling)
    assert compressed_as(made(source), tmp_path).subsampling == sampling


def test_a_png_becomes_a_usual_jpeg_or_stays_what_it_is(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.png")
    assert compressed_as(made(source), tmp_path).subsampling == CHROMA_420
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(made(source, ".png")))), PIXELS)


def tables(quality: int, tmp_path: Path) -> tuple:
    """libjpeg's quantisation tables for a quality, as Pillow writes them."""
    return compression(saved(tmp_path / "reference.jpg", quality=quality)).tables


@pytest.mark.parametrize(
    ("asked", "drawn", "expected"), [(95, None, 95), (70, None, 70), (95, 40, 40), (30, 40, 30), (100, None, 100)]
)
def test_the_file_has_the_quality_that_was_asked_for_unless_a_lower_one_was_drawn(
    tmp_path: Path, asked: int, drawn: int | None, expected: int
) -> None:
    colour = {"jpeg": {"p": 1.0, "quality": (float(drawn), float(drawn))}} if drawn else {}
    found = compressed_as(made(saved(tmp_path / "a.jpg"), ".jpg", asked, colour), tmp_path)
    assert found.tables == tables(expected, tmp_path)


def test_a_png_copy_has_the_artefacts_of_the_jpeg_that_was_drawn(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.png")
    pixels = decode(made(source, ".png", 95, {"jpeg": {"p": 1.0, "quality": (10.0, 10.0)}}))
    away = np.abs(pixels.astype(int) - PIXELS)
    assert 2 < away.mean() < 40


def test_further_boxes_go_along_and_do_not_count_for_visibility() -> None:
    policy = Policy({"affine": {"shift_x_px": (30.0, 30.0)}}, {})
    drawn = Augmenter(policy, 1.0).draw(np.array([[10.0, 10, 40, 40]]), (100, 80), np.random.default_rng(0))
    assert drawn.attempt == 0
    regions = drawn.move(np.array([[0.0, 0, 20, 20], [60, 50, 90, 70], [75, 0, 90, 9]]))
    np.testing.assert_allclose(regions, [[30, 0, 50, 20], [90, 50, 100, 70], [100, 0, 100, 9]])
    assert drawn.move(np.zeros((0, 4))).shape == (0, 4)


def test_the_command_takes_quality_and_box_fit(divided: Path, tmp_path: Path) -> None:
    sizes = []
    for quality in ("95", "20"):
        out = tmp_path / quality
        words = ["balance", str(divided), "--out", str(out), "--quality", quality, "--box-fit", "octagon", "--quiet"]
        assert run(datatools, words) == 0
        copies = sorted(out.glob("images/train/*__b*.jpg"))
        sizes.append(sum(path.stat().st_size for path in copies))
        originals = [out / "images/train" / p.name for p in divided.glob("images/train/*")]
        assert all(p.read_bytes() == (divided / "images/train" / p.name).read_bytes() for p in originals)
    assert sizes[1] < sizes[0] * 0.6


def test_balancing_leaves_opencvs_threads_as_they_were(divided: Path, tmp_path: Path) -> None:
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        assert run(datatools, ["balance", str(divided), "--out", str(tmp_path / "b"), "--workers", "1", "--quiet"]) == 0
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
