import re

import pytest

from detector.data.augmentation import PRESETS, Augmentation, preset
from detector.errors import UserError


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"flip": 1.5}, "augmentation: flip: 1.5, expected 0 to 1"),
        ({"mosaic": -0.1}, "augmentation: mosaic: -0.1, expected 0 to 1"),
        ({"scale": float("nan")}, "augmentation: scale: nan, expected 0 to 9"),
        ({"rotate_deg": 200}, "augmentation: rotate_deg: 200, expected 0 to 180"),
        ({"shear_deg": 90}, "augmentation: shear_deg: 90, expected 0 to 60"),
        ({"pasted": 0}, "augmentation: pasted: 0, expected 1 or more"),
    ],
)
def test_an_amount_out_of_its_range_is_said(wrong, message):
    with pytest.raises(UserError, match=re.escape(message)):
        Augmentation(**wrong)


def test_the_presets_grow_and_an_unknown_one_is_said():
    none, light, default, strong = (preset(name) for name in PRESETS)
    assert (none.flip, none.scale, none.value) == (0, 0, 0) and light == Augmentation()
    assert light.mosaic == 0 < default.mosaic and default.mixup == 0 < strong.mixup
    with pytest.raises(UserError, match="augmentation: 'hard', expected one of none, light, default, strong"):
        preset("hard")


def test_alone_no_pictures_are_mixed_and_all_else_stays():
    alone = PRESETS["strong"].alone()
    assert (alone.mosaic, alone.mixup, alone.copy_paste) == (0, 0, 0)
    assert (alone.scale, alone.rotate_deg) == (PRESETS["strong"].scale, PRESETS["strong"].rotate_deg)
