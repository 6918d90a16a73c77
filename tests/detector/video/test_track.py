import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.judging.found import Found, overlaps
from detector.video.track import HELD, KNOWN, PATIENCE, Tracker, untracked

MASK, BARE = 0, 1


def found(*rows):
    """Rows of x0, y0, x1, y1, class, score."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4].astype(int), table[:, 5])


def face(x, number=MASK, score=0.8, y=0):
    return (x, y, x + 20, y + 20, number, score)


def test_a_box_that_moves_keeps_its_number_and_another_gets_its_own():
    tracker = Tracker(2)
    for step in range(10):
        shown = tracker.update(found(face(3 * step), face(100 - 3 * step, y=50)))
        assert sorted(shown.tracks.tolist()) == [1, 2]
        left = shown.tracks[shown.found.xyxy[:, 1] == 0]
        assert left.tolist() == [1]


def test_a_mistake_of_one_frame_does_not_change_the_label():
    tracker = Tracker(2)
    called = [
        tracker.update(found(face(0, BARE if n in (4, 9) else MASK, 0.6))).found.classes.tolist() for n in range(12)
    ]
    assert called == [[MASK]] * 12


def test_alternating_classes_do_not_flicker_and_the_surer_one_is_shown():
    tracker = Tracker(2)
    called = [
        int(tracker.update(found(face(0, n % 2, 0.9 if n % 2 == 0 else 0.4))).found.classes[0]) for n in range(20)
    ]
    assert called == [MASK] * 20


def test_a_real_change_shows_after_some_seven_looks():
    tracker = Tracker(2)
    for _ in range(60):
        tracker.update(found(face(0, MASK)))
    called = [int(tracker.update(found(face(0, BARE))).found.classes[0]) for _ in range(10)]
    # Votes of 10 x 0.8 against none: the old ones weigh 0.9^n, the new ones 1 - 0.9^n; 0.9^n < 1/2 from n = 7 on.
    assert called == [MASK] * 6 + [BARE] * 4


def test_two_classes_on_one_face_are_one_track_and_both_vote():
    tracker = Tracker(2)
    shown = tracker.update(found(face(0, MASK, 0.5), (1, 0, 21, 20, BARE, 0.45)))
    assert shown.tracks.tolist() == [1] and shown.found.classes.tolist() == [MASK]
    shown = tracker.update(found(face(0, BARE, 0.6)))  # 0.9 x 0.5 of masks; 0.9 x 0.45 + 0.6 of bare
    assert shown.found.classes.tolist() == [BARE] and shown.seen.tolist() == [BARE]


def test_two_boxes_of_one_class_stay_two():
    shown = Tracker(2).update(found(face(0), (5, 0, 25, 20, MASK, 0.7)))
    assert shown.tracks.tolist() == [1, 2]


def test_a_known_track_is_held_for_two_looks_where_it_is_expected_and_comes_back_as_itself():
    tracker = Tracker(2)
    for step in range(KNOWN):
        tracker.update(found(face(4 * step)))
    for gone in range(1, HELD + 1):
        shown = tracker.update(found())
        assert shown.tracks.tolist() == [1] and shown.seen.tolist() == [-1]
        assert shown.found.xyxy[0, 0] == 4 * (KNOWN - 1 + gone)
    assert tracker.update(found()).tracks.tolist() == []
    assert tracker.update(found(face(4 * (KNOWN + HELD + 1)))).tracks.tolist() == [1]


def test_who_was_gone_for_long_is_somebody_new_and_a_flash_is_not_held():
    tracker = Tracker(2)
    tracker.update(found(face(0)))
    assert tracker.update(found()).tracks.tolist() == []
    for _ in range(PATIENCE):
        tracker.update(found())
    assert tracker.update(found(face(0))).tracks.tolist() == [2]


def test_a_track_is_known_from_its_third_look_on():
    tracker = Tracker(2)
    assert [tracker.update(found(face(0))).known.tolist() for _ in range(4)] == [[False], [False], [True], [True]]


def test_without_tracking_everything_is_as_it_was_found():
    one = found(face(0, BARE))
    shown = untracked(one)
    assert shown.found is one and shown.tracks.tolist() == [0] and shown.known.tolist() == [True]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 2), st.floats(0.1, 1)), max_size=6), max_size=8))
def test_every_look_shows_what_it_found_once_and_no_number_twice(looks):
    tracker = Tracker(3)
    for look in looks:
        now = found(*(face(x, number, score) for x, number, score in look))
        shown = tracker.update(now)
        assert len(set(shown.tracks.tolist())) == len(shown.tracks)
        own = shown.found.xyxy[shown.seen >= 0]
        assert len(own) <= len(now.xyxy)
        if len(now.xyxy):  # what is not shown itself lies on something that is
            assert (overlaps(now.xyxy, own).max(axis=1) >= 0.45).all()
