import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from statistics import mean, stdev

import numpy as np
import pytest

from detector.errors import RunError
from detector.experiments.report.comparisons import compare_all
from detector.experiments.report.judged import judge_run
from detector.experiments.report.results import results_of, spread_of
from detector.experiments.report.tables import table_md
from detector.experiments.report.write import write_report
from detector.judging.found import Truth

from .conftest import CAT, boxes, found, record

DRAWS = 60


def report(suite, finished, folder):
    write_report(suite, finished, folder, lambda line: None, DRAWS)
    return {name: (folder / name).read_text() for name in ("report.html", "table.md", "results.csv")}


def table_of(suite, finished):
    """The Markdown alone."""
    judged = [judge_run(record, found, DRAWS) for record, found in finished if found is not None]
    results = results_of(suite, [record for record, _ in finished], judged, finished[-1][1])
    return table_md(results, compare_all(results))


@pytest.fixture(scope="module")
def written(suite, finished, tmp_path_factory):
    return report(suite, finished, tmp_path_factory.mktemp("report"))


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_spread_is_the_mean_the_samples_deviation_and_the_ends_of_what_is_known():
    one = spread_of([0.25, None, 0.75])
    assert (one.mean, one.low, one.high, one.count) == (0.5, 0.25, 0.75, 2) and one.sd == pytest.approx(0.125**0.5)
    assert spread_of([0.5]).sd is None and spread_of([None]) is None


def test_the_csv_has_a_row_a_run_in_the_suites_order_with_every_figure(written):
    rows = rows_of(written["results.csv"])
    who = [(row["configuration"], row["seed"], row["state"], row["stale"]) for row in rows]
    assert who == [
        ("plain", "0", "done", "0"),
        ("plain", "1", "done", "0"),
        ("more", "0", "done", "0"),
        ("more", "1", "done", "1"),
        ("broken", "0", "failed", "0"),
    ]
    assert [row["tp_at_25_cat"] for row in rows] == ["4", "5", "8", "8", ""]
    assert float(rows[2]["map50"]) == 1 and rows[4]["map50"] == "" and rows[0]["seconds_train"] == "90"


def test_the_markdown_is_the_mean_and_spread_of_the_csvs_rows(written):
    figures = [float(row["map50"]) for row in rows_of(written["results.csv"]) if row["configuration"] == "plain"]
    lines = written["table.md"].splitlines()
    assert lines[0] == "| configuration | seeds | mAP@0.5 | AP cat | AP dog | recall dog |"
    assert lines[2].startswith(f"| plain | 2 | {mean(figures):.3f} ± {stdev(figures):.3f} | ")
    assert lines[3].startswith("| more | 2 (1 stale) | ") and lines[4] == "| broken | 0 (1 failed) | – | – | – | – |"
    assert "8 val pictures (8 cat, 2 dog); recall of dog at a precision of 0.5." in lines[6]


def test_the_markdown_compares_in_points_and_words(written):
    row = next(line for line in written["table.md"].splitlines() if line.startswith("| more − plain"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    rows = rows_of(written["results.csv"])
    each = [mean(float(row["ap50_cat"]) for row in rows if row["configuration"] == name) for name in ("more", "plain")]
    assert cells[2].startswith(f"+{100 * (each[0] - each[1]):.1f} (+") and cells[-1] == "better"
    assert "| broken − plain | – | – | – | no finished run of broken |" in written["table.md"]
    assert "3 of 3 intervals exclude 0; about 0.1 would by chance alone" in written["table.md"]


def test_runs_that_find_the_same_are_no_difference_that_the_pictures_could_show(suite):
    same = [(record(name, seed), found(4, 1)) for name in ("plain", "more") for seed in (0, 1)]
    text = table_of(suite, same)
    assert (
        "| more − plain | 0.0 (0.0 to 0.0) | 0.0 (0.0 to 0.0) | 0.0 (0.0 to 0.0) | no difference that 8 pictures"
        in text
    )


@pytest.mark.parametrize(
    ("better", "words"),
    [
        ([(0, found(8, 2))], "better, of one seed"),
        ([(7, found(8, 2))], "better, of unlike seeds"),
        ([(0, found(8, 2)), (1, found(4, 0))], "better on average, not with every seed"),
    ],
)
def test_words_say_on_how_many_seeds_a_difference_rests(suite, better, words):
    plain = [(record("plain", seed), found(4, 0)) for seed in (0, 1)]
    text = table_of(suite, [*plain, *((record("more", seed), one) for seed, one in better)])
    assert f"| {words} |" in text


def test_the_same_runs_give_the_same_bytes(suite, finished, written, tmp_path):
    assert report(suite, finished, tmp_path) == written


def test_a_run_that_failed_before_its_data_was_made_has_its_line_and_commands(suite, finished, tmp_path):
    one, there = finished[-1]
    made = replace(one, data={"recipe": "torn", "commands": ["datatools balance"], "key": "t"}, seconds={}, machine="")
    page = report(suite, [*finished[:-1], (made, there)], tmp_path)["report.html"]
    assert "broken, seed 0, failed: --lr" in page and "torn: how it was made" in page
    assert page.count('<th scope="row">torn</th>') == 0 and page.count('<th scope="row">raw</th><td>40</td>') == 1


class Outline(HTMLParser):
    """What a reader's program sees: tables with captions and heads, pictures with words, and whether tags close."""

    VOID = ("meta", "img", "br", "line", "circle")

    def __init__(self):
        super().__init__()
        self.open, self.tables, self.images, self.tags, self.heads = [], [], [], set(), []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        given = dict(attributes)
        if tag == "table":
            self.tables.append({"caption": 0, "col": 0, "row": 0, "tr": 0})
        if tag in ("caption", "tr"):
            self.tables[-1][tag] += 1
        if tag == "th":
            self.tables[-1][given["scope"]] += 1
        if tag == "img":
            self.images.append(given)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_every_table_has_a_caption_and_heads(written):
    outline = Outline()
    outline.feed(written["report.html"])
    assert outline.open == [] and len(outline.tables) > 10 and "script" not in outline.tags
    for one in outline.tables:
        assert one["caption"] == 1 and one["col"] >= 2 and one["row"] == one["tr"] - 1
    assert all(image["alt"] and image["src"].startswith("data:image/") for image in outline.images)


def test_what_a_user_named_is_text_in_the_page_and_nothing_more(written):
    page = written["report.html"]
    assert "<h1>Cats &amp; dogs</h1>" in page and "<p>Does &lt;more&gt; help?</p>" in page
    assert "broken, seed 0, failed: --lr: 0 &lt;b&gt;, expected more" in page and "<b>" not in page
    assert "<code>datatools convert &lt;raw&gt;</code>" in page


def test_the_page_holds_the_figures_of_the_table(written):
    text = re.sub(r"<[^>]+>", " ", written["report.html"])
    for figure in re.findall(r"\d\.\d{3} ± \d\.\d{3}", written["table.md"]):
        assert figure in text


def test_what_is_taken_for_what_is_counted_at_each_threshold(suite, tmp_path):
    """Three of eight cats are called dogs, at .6; the others are missed; dogs are found."""
    one = found(0, 2)
    pictures = list(one.pictures)
    for i in (3, 4, 5):
        pictures[i] = replace(pictures[i], found=boxes((CAT, 1, 0.6)))
    mistaken = replace(one, pictures=tuple(pictures))
    page = report(suite, [(record("plain", seed), mistaken) for seed in (0, 1)], tmp_path)["report.html"]
    text = re.sub(r"(<[^>]+>)+", " ", page)
    assert "cat taken for dog dog taken for cat cat missed dog missed plain 3.0 0.0 5.0 0.0" in " ".join(text.split())
    assert "0.60 3.0 0.0 5.0 0.0 0.65 0.0 0.0 8.0 0.0" in " ".join(text.split())


def test_without_a_finished_run_there_is_no_report_but_a_line(suite, finished, tmp_path):
    with pytest.raises(RunError, match="no run of the suite is done, expected one at least"):
        write_report(suite, finished[-1:], tmp_path / "out", print)
    assert not (tmp_path / "out").exists()


def test_a_baseline_without_runs_leaves_the_rest_of_the_report(suite, finished):
    failed = replace(finished[0][0], state="failed", error="killed")
    text = table_of(suite, [(failed, None), *finished[2:4]])
    assert "| plain | 0 (1 failed) | – |" in text and "no finished run of plain |" in text


def test_pictures_without_any_truth_make_a_report_without_figures(suite, tmp_path):
    empty = Truth(np.zeros((0, 4)), np.zeros(0, int))
    one = found(4, 1)
    bare = replace(one, pictures=tuple(replace(picture, truth=empty) for picture in one.pictures))
    runs = [(record(name, 0), bare) for name in ("plain", "more")]
    text = report(suite, runs, tmp_path)
    assert "| plain | 1 | – | – | – | – |" in text["table.md"]
    assert "| more − plain | – | – | – | no truth of this class |" in text["table.md"]
    assert "0 of 0 intervals exclude 0" in text["report.html"] and "nan" not in text["table.md"]
