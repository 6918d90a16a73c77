import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from detector.judging.found import Found
from detector.video.summary import Counts, json_line
from detector.video.summary_plot import counts_png
from detector.video.track import Shown
from detector.video.watch import Watched

CLASSES = ("with_mask", "without_mask", 'odd, "name"')


def shown(*rows):
    """Rows of class, track, known."""
    boxes = np.tile([1.0, 2.0, 3.456, 4.0], (len(rows), 1))
    names, tracks, known = (np.array(column, dtype=int) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    found = Found(boxes.reshape(-1, 4), np.array(names, dtype=int), np.full(len(rows), 0.5))
    return Shown(found, np.array(names, dtype=int) * 0 - 1, np.array(tracks, dtype=int), np.array(known, dtype=bool))


@pytest.fixture
def counts():
    one = Counts(CLASSES, 1.0)
    one.add(0.0, shown((0, 1, 1), (0, 2, 1)))
    one.add(0.5, shown((0, 1, 1), (1, 2, 1), (1, 3, 0)))  # 2 is called another name now; 3 is not known yet
    one.add(3.0, shown((1, 2, 1)))
    return one


def test_a_row_is_the_mean_of_its_frames_and_empty_seconds_have_none(counts):
    assert [(row.seconds, row.frames, row.means) for row in counts.rows] == [
        (0.0, 2, (1.5, 0.5, 0.0)),
        (3.0, 1, (0.0, 1.0, 0.0)),
    ]


def test_each_track_counts_once_under_its_last_name(counts):
    assert counts.tracks.tolist() == [1, 1, 0] and counts.most.tolist() == [2, 1, 0]
    assert counts.as_json() == {
        "with_mask": {"tracks": 1, "most": 2, "mean": 1.0},
        "without_mask": {"tracks": 1, "most": 1, "mean": 0.667},
    }


def test_the_csv_reads_back_whatever_the_names_are():
    counts = Counts(('odd, "name"', "b"), 0.1)
    counts.add(0.3, shown((0, 1, 1)))
    rows = list(csv.reader(io.StringIO(counts.csv())))
    assert rows == [["seconds", "frames", 'odd, "name"', "b"], ["0.3", "1", "1.000", "0.000"]]


def test_a_frame_is_a_line_of_json():
    line = json_line(7, 0.28, shown((1, 4, 1)), CLASSES)
    assert line.endswith("}\n") and line.count("\n") == 1
    assert json.loads(line) == {
        "frame": 7,
        "seconds": 0.28,
        "boxes": [{"xyxy": [1.0, 2.0, 3.46, 4.0], "class": "without_mask", "score": 0.5, "track": 4, "seen": None}],
    }


def test_the_plot_is_drawn_also_of_nothing(counts):
    for one in (counts, Counts(CLASSES, 1.0)):
        with Image.open(io.BytesIO(counts_png(one, "a"))) as picture:
            assert picture.format == "PNG" and picture.width > 500


def test_the_line_for_people_says_tracks_only_where_there_are_some(counts, tmp_path):
    tracked = Watched("a.mp4", tmp_path, 3, 3.0, counts, False).line()
    assert tracked == (
        f"a.mp4: 3 frames, 3.0 s: with_mask 1 (at most 2 at once), without_mask 1 (at most 1 at once): {tmp_path}"
    )
    alone = Counts(CLASSES, 1.0)
    alone.add(0.0, shown((1, 0, 1), (1, 0, 1)))
    assert Watched("a.mp4", tmp_path, 1, 0.0, alone, False).line().endswith(f": without_mask 2 at once: {tmp_path}")
    nothing = Watched("a.mp4", tmp_path, 1, 0.0, Counts(CLASSES, 1.0), False).line()
    assert nothing == f"a.mp4: 1 frames, 0.0 s: nothing: {tmp_path}"
