"""Putting a file of weights to use."""

from detector.runtimes.reading import darknet_names


def test_eighty_classes_without_names_are_cocos() -> None:
    names = darknet_names(80)
    assert len(set(names)) == 80
    assert (names[0], names[16], names[17], names[79]) == ("person", "dog", "horse", "toothbrush")


def test_any_other_number_of_classes_is_numbered() -> None:
    assert darknet_names(2) == ("class 0", "class 1")
