"""The augmentation policy is data, and is checked key by key."""

from __future__ import annotations

from pathlib import Path

import pytest

from datatools.balance.pixels.policy import COLOUR, FOLDER, GEOMETRY, SHIPPED, read_policy
from datatools.errors import PolicyError


def test_the_default_policy_uses_every_operator() -> None:
    policy = read_policy()
    assert set(policy.geometry) == set(GEOMETRY) and set(policy.colour) == set(COLOUR)
    assert policy.geometry["affine"]["rotate_deg"] == (-5.0, 5.0)


def test_a_single_number_stands_for_a_range_of_one(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("geometry: {affine: {rotate_deg: 45}}\ncolour: {noise: {sigma: [0, 0.15], per_channel: 0.5}}\n")
    policy = read_policy(file)
    assert policy.geometry["affine"] == {"rotate_deg": (45.0, 45.0)}
    assert policy.colour["noise"] == {"sigma": (0.0, 0.15), "per_channel": 0.5}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("geometry: {turn: {}}", "geometry has 'turn', expected one of flip_horizontal, flip_vertical, affine, crop"),
        ("geometry: {affine: {angle: 3}}", "geometry.affine has 'angle', expected one of p, scale, rotate_deg"),
        ("colour: {blur: {p: 2}}", "colour.blur.p is 2, expected a number within 0..1"),
        ("colour: {blur: {sigma_px: [2, 1]}}", "colour.blur.sigma_px is [2, 1], expected a range [low, high]"),
        ("colour: {blur: [1]}", "colour.blur is [1], expected a mapping such as {p: 0.5}"),
        ("colours: {}", "policy has 'colours', expected one of geometry, colour, border"),
        ("geometry: {affine: {p: 0.5}}", "geometry.affine does not say how much, expected scale or rotate_deg or"),
        ("colour: {noise: {per_channel: 1}}", "colour.noise does not say how much, expected sigma; add it"),
        ("colour: {blur: }", "colour.blur does not say how much, expected sigma_px; add it, or take it out"),
        ("colour: {blur: {p: true, sigma_px: 1}}", "colour.blur.p is True, expected a number within 0..1"),
        ("colour: {blur: {sigma_px: .nan}}", "colour.blur.sigma_px is nan, expected a range [low, high]"),
        ("border: true", "border is True, expected a grey level from 0 to 255"),
        ("border: 300", "border is 300, expected a grey level from 0 to 255"),
        ("border: grey", "border is 'grey', expected a grey level from 0 to 255"),
        ("- a", "is no mapping, expected geometry, colour, border"),
        ("a: [", "no YAML ("),
        ("a: !!python/object/apply:os.system ['exit 1']", "no YAML ("),
    ],
)
def test_a_wrong_policy_is_refused_by_key(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(PolicyError) as error:
        read_policy(file)
    assert str(error.value).startswith(f"{file}: {said}")


def test_the_shipped_policies_are_named_and_grow_stronger() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(SHIPPED)
    light, default, strong = (read_policy(name) for name in SHIPPED)
    assert default == read_policy()
    for weak, more in ((light, default), (default, strong)):
        for group in ("geometry", "colour"):
            for operator, values in getattr(weak, group).items():
                if operator == "flip_vertical":
                    continue
                stronger = getattr(more, group)[operator]
                assert values["p"] <= stronger["p"], operator
                for key, span in values.items():
                    if key not in ("p", "per_channel"):
                        low, high = stronger[key]
                        assert low <= span[0], (operator, key)
                        assert high >= span[1] or key == "quality", (operator, key)


def test_a_wrong_name_is_told_the_right_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyError, match=r"^stong: no such policy, expected light, default, strong or a YAML file"):
        read_policy("stong")
    Path("stong").write_text("border: 3\n")
    assert read_policy("stong").border == 3


def test_a_missing_policy_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"none\.yaml: cannot be read .*correct --policy"):
        read_policy(tmp_path / "none.yaml")
