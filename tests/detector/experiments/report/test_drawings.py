import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from detector.experiments.report.drawings import _band, curves
from detector.experiments.report.judged import judge_run
from detector.experiments.report.results import results_of
from detector.experiments.report.worst import sheets

from .conftest import found, record


@pytest.fixture
def results(suite, finished):
    judged = [judge_run(one, there, 5) for one, there in finished if there is not None]
    return results_of(suite, [one for one, _ in finished], judged, finished[0][1])


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_a_band_is_of_the_epochs_that_every_seed_has(results):
    epochs, values, highest = _band(results.lines[0], "map50")
    assert (
        epochs.tolist() == [0, 1] and values.tolist() == [[0.01, 0.5], [0.01, 0.6]] and highest.tolist() == [0.01, 0.6]
    )
    epochs, values, _ = _band(results.lines[0], "loss")
    assert epochs.tolist() == [1] and values.tolist() == [[4.0], [5.0]]
    assert _band(results.lines[2], "map50") is None


def test_a_shorter_history_shortens_the_band_and_none_at_all_leaves_the_drawing_out(suite, finished):
    one, there = finished[0]
    short = judge_run(replace(one, seed=2, history=one.history[:1]), there, 5)
    whole = judge_run(one, there, 5)
    line = results_of(suite, [], [whole, short], there).lines[0]
    assert _band(line, "map50")[0].tolist() == [0] and _band(line, "loss") is None
    without = results_of(suite, [], [judge_run(replace(one, history=[]), there, 5)], there)
    assert [drawing.file for drawing in curves(without)] == ["calibration.png"]


def test_learning_and_calibration_are_drawn_and_said_in_words(results):
    drawn = curves(results)
    assert [one.file for one in drawn] == ["learning-map50.png", "learning-loss.png", "calibration.png"]
    assert drawn[0].alt == "Curves of mAP@0.5 by epoch; mean of the last epoch: plain 0.550, more 0.550"
    for one in drawn:
        pixels = opened(one.png)
        assert pixels.shape[1] > 600 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert ">0.1" in drawn[2].below or ">0.2" in drawn[2].below


def test_sheets_show_the_photographs_of_the_baseline_and_of_the_best(suite, tmp_path):
    for i in range(8):
        Image.new("RGB", (100, 100), (200, 30, 30)).save(tmp_path / f"{i}.png")
    pairs = [
        (record("plain", 0), found(4, 0, tmp_path, alarms=2)),
        (record("more", 0), found(8, 2, tmp_path, alarms=1)),
    ]
    results = results_of(suite, [], [judge_run(*pair, 5) for pair in pairs], pairs[0][1])
    drawn = {one.file: one for one in sheets(results, {one.key: there for one, there in pairs})}
    alarms = drawn["baseline-false-alarms.png"]
    assert alarms.alt.startswith("Surest false alarms of plain, 2 of 2: 1.png, cat: nothing is there; 0.png, cat")
    assert (opened(alarms.png) == (200, 30, 30)).all(axis=2).sum() > 10_000
    assert (
        drawn["best-misses.png"].png == b"" and drawn["best-misses.png"].note == "Largest objects missed by more: none."
    )


def test_photographs_that_are_gone_are_said_to_be_and_the_rest_of_the_report_stands(suite, tmp_path):
    one = found(4, 0, tmp_path / "moved")
    results = results_of(suite, [], [judge_run(record("plain", 0), one, 5)], one)
    misses = next(drawing for drawing in sheets(results, {"plain-0": one}) if drawing.file == "baseline-misses.png")
    assert misses.png == b"" and "cannot be shown" in misses.note and "no such picture" in misses.note
    assert "0.png, dog: nothing found there" in misses.note


def test_the_median_seed_by_map_is_the_one_that_is_shown(suite):
    judged = [judge_run(record("plain", seed), found(cats, 0), 5) for seed, cats in enumerate((8, 2, 5))]
    assert results_of(suite, [], judged, found(1, 0)).lines[0].middle.record.seed == 2
