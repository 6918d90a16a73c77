import numpy as np
import pytest

from detector.experiments.report.judged import judge_run
from detector.judging.average_precision import mean, score_classes
from detector.judging.bootstrap import bootstrap
from detector.judging.calibration import calibration
from detector.judging.coco_report import coco_report
from detector.judging.matching import match

from .conftest import CLASSES, found, record


@pytest.fixture(scope="module")
def judged():
    return judge_run(record("plain", 0), found(4, 1, alarms=2), 30)


def test_the_figures_are_those_that_can_be_counted_by_hand(judged):
    """4 of 8 cats at .90 to .87, then alarms at .51 and .50; 1 of 2 dogs, no alarm. AP is 51 of 101 recalls."""
    values = judged.values
    assert [values[key] for key in ("ap50_cat", "ap50_dog", "map50")] == pytest.approx([51 / 101] * 3)
    assert [values[f"{key}_at_25_cat"] for key in ("tp", "fp", "fn")] == [4, 2, 4]
    assert [values[f"{key}_at_25_all"] for key in ("tp", "fp", "fn")] == [5, 2, 5]
    assert values["f1_at_25_all"] == pytest.approx(10 / 17) and values["precision_at_25_cat"] == pytest.approx(4 / 6)
    assert [values[f"{key}_best_cat"] for key in ("conf", "tp", "fp", "fn")] == [pytest.approx(0.87), 4, 0, 4]
    assert values["recall_at_p90_cat"] == values["recall_at_p50_dog"] == 0.5
    assert values["conf_at_r80_cat"] is None and values["precision_at_r90_dog"] is None


def test_sizes_are_of_the_photograph_and_a_size_without_boxes_has_no_figure(judged):
    values = judged.values
    assert values["ap50_16-32_cat"] == pytest.approx(51 / 101) and values["ap50_<16_cat"] is None
    assert [values[key] for key in ("ap50_<16_dog", "map50_<16")] == pytest.approx([51 / 101] * 2)


def test_they_are_those_of_the_other_commands_of_this_room(judged):
    one = found(4, 1, alarms=2)
    truths, guesses = [p.truth for p in one.pictures], [p.found for p in one.pictures]
    matching = match(guesses, truths)
    scores = score_classes(matching, 2, 0.25)
    assert judged.values["map50_95"] == pytest.approx(mean(score.ap50_95 for score in scores))
    coco = coco_report(guesses, truths, CLASSES, (16, 32, 96))
    assert judged.values["map50_16-32"] == pytest.approx(coco.every.sizes["16-32"].ap50)
    assert judged.values["ece_cat"] == pytest.approx(calibration(matching, 0).error)
    interval = bootstrap(matching, CLASSES, 8, 30, 0).map50
    assert np.quantile(judged.draws.drawn[:, -1], [0.025, 0.975]) == pytest.approx((interval.low, interval.high))


def test_a_run_that_finds_nothing_has_recall_nought_and_no_threshold():
    values = judge_run(record("plain", 0), found(0, 0), 5).values
    assert values["map50"] == values["recall_at_p90_cat"] == values["tp_best_cat"] == values["fp_best_cat"] == 0
    assert values["fn_best_cat"] == 8 and values["conf_best_cat"] is None and values["ece_cat"] is None
