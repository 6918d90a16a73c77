"""Claims about made pictures: they stay marked, stay with their source, and never leave the training split."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from datatools import formats
from datatools.core import Annotation, Dataset
from datatools.errors import LayoutError
from datatools.images import encode
from datatools.options import writing, writing_options
from datatools.provenance import Origin, Provenance, read_provenance
from datatools.split import divide

BOXES = {"cat": "0 0.5 0.5 0.4 0.4\n", "dog": "1 0.4 0.4 0.3 0.3\n"}
FACES = [{"mode": "nose_out", "seed": 5}]


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]


def recipes(folder: Path) -> set[tuple[str, str]]:
    return {(line["split"], line["recipe"]) for line in lines(folder)}


@pytest.fixture
def synthetic(make, tmp_path: Path) -> Path:
    """data/synthetic: ten photographs t0..t9 (train) and v (val); each of t0..t9 has two made pictures, unlike it."""
    root = tmp_path / "data" / "synthetic"
    entries = []

    def add(split: str, stem: str, **said: object) -> None:
        make.noise(root / f"images/{split}/{stem}.jpg")
        boxes = BOXES["dog" if stem.startswith("t3") else "cat"]
        grown = boxes[:-2] + "5\n" if "__" in stem else boxes  # what was drawn made the box higher
        make.put(root / f"labels/{split}/{stem}.txt", grown)
        entries.append({"image": f"images/{split}/{stem}.jpg", "split": split, **said})

    for k in range(10):
        add("train", f"t{k}", sources=[f"deep/train/t{k}"], recipe="copy")
        for n in (1, 2):
            sources = [f"deep/train/t{k}"]
            add("train", f"t{k}__s{n}", sources=sources, recipe="synthetic", faces=FACES, seed=7)
    add("val", "v", sources=["deep/val/v"], recipe="copy")
    make.put(root / "manifest.jsonl", "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in entries))
    make.put(root / "data.yaml", "train: images/train\nval: images/val\nnc: 2\nnames: [cat, dog]\nkind: synthetic\n")
    return root


def stem(line: dict) -> str:
    return Path(line["image"]).stem.split("__")[0]


@pytest.mark.parametrize("seed", range(4))
def test_a_new_split_keeps_made_pictures_in_train_and_beside_their_source(cli, synthetic, tmp_path, seed):
    args = (synthetic, "--split", "0.5,0.3,0.2", "--out", "x", "--seed", seed, "--json")
    said = json.loads(cli("convert", *args).out)
    found = lines(tmp_path / "x")
    plain = {stem(e): e["split"] for e in found if e["recipe"] == "copy"}
    made = [e for e in found if e["recipe"] == "synthetic"]
    assert len(plain) == 11 and set(plain.values()) == {"train", "val", "test"}, "every photograph is there"
    assert {e["split"] for e in made} == {"train"} == {plain[stem(e)] for e in made}
    in_train = sum(split == "train" and name != "v" for name, split in plain.items())
    assert len(made) == 2 * in_train == 20 - 2 * sum(split != "train" and n != "v" for n, split in plain.items())
    (line,) = [d for d in said["done"] if "made" in d]
    first = min(name for name, split in plain.items() if split != "train" and name != "v")
    assert line == (f"left out: {20 - len(made)} made pictures whose source is not in train, such as train/{first}__s1")
    assert cli("check", "x").code == 0 and cli("stats", "x").code == 0


def test_made_pictures_do_not_count_towards_the_shares(cli, synthetic, tmp_path):
    assert cli("convert", synthetic, "--split", "0.5,0.3,0.2", "--out", "x", "--quiet").code == 0
    sides = [e["split"] for e in lines(tmp_path / "x") if e["recipe"] == "copy"]
    assert {s: sides.count(s) for s in ("train", "val", "test")} == {"train": 6, "val": 3, "test": 2}


def test_near_duplicates_and_sources_together_make_the_groups(make, cli, synthetic, tmp_path):
    """v looks like a made picture of t1: so v, t1 and both its made pictures are one group."""
    for path in ("images/val/v.jpg", "images/train/t1__s2.jpg"):
        make.noise(synthetic / path, seed=99)
    for seed in range(6):
        args = ("--split", "0.4,0.3,0.3", "--out", "x", "--seed", seed, "--overwrite", "--quiet")
        assert cli("convert", synthetic, *args).code == 0
        sides = {Path(e["image"]).stem: e["split"] for e in lines(tmp_path / "x")}
        assert sides["v"] == sides["t1"] and ("t1__s1" in sides) == ("t1__s2" in sides) == (sides["t1"] == "train")


@pytest.mark.parametrize("split", ["auto", "keep", "none", "1", "0.6,0.2,0.2"])
def test_a_made_picture_stays_marked_from_conversion_to_conversion(cli, synthetic, tmp_path, split):
    assert cli("convert", synthetic, "--split", split, "--out", "one", "--quiet").code == 0
    assert cli("convert", "one", "--split", "0.5,0.5", "--to", "voc", "--out", "two", "--seed", 1, "--quiet").code == 0
    assert cli("convert", "two", "--split", "0.6,0.4", "--out", "three", "--seed", 2, "--quiet").code == 0
    for name in ("one", "two", "three"):
        found = lines(tmp_path / name)
        made = [e for e in found if "__s" in e["image"]]
        assert made and all(e["recipe"] == "synthetic" and e["faces"] == FACES and e["seed"] == 7 for e in made)
        assert all(e["recipe"] == "copy" for e in found if "__s" not in e["image"])
    plain = {stem(e): e["split"] for e in found if e["recipe"] == "copy"}
    assert {e["split"] for e in made} == {"train"} == {plain[stem(e)] for e in made}


def test_a_made_picture_lists_what_it_came_from_and_its_photograph_here(cli, synthetic, tmp_path):
    assert cli("convert", synthetic, "--split", "keep", "--out", "x", "--quiet").code == 0
    sources = {Path(e["image"]).stem: e["sources"] for e in lines(tmp_path / "x")}
    assert sources["t4"] == ["train/t4"] and sources["v"] == ["val/v"]
    assert sources["t4__s1"] == ["deep/train/t4", "train/t4"]
    assert cli("convert", "x", "--split", "keep", "--out", "y", "--quiet").code == 0
    assert {Path(e["image"]).stem: e["sources"] for e in lines(tmp_path / "y")} == sources, "and no longer each time"


def test_a_made_picture_whose_source_is_gone_keeps_its_sources_and_stays_in_train(cli, synthetic, tmp_path):
    (synthetic / "images/train/t4.jpg").unlink()
    (synthetic / "labels/train/t4.txt").unlink()
    rest = [line for line in (synthetic / "manifest.jsonl").read_text().splitlines(True) if "/t4.jpg" not in line]
    (synthetic / "manifest.jsonl").write_text("".join(rest))
    assert cli("convert", synthetic, "--split", "0.2,0.8", "--out", "x", "--quiet").code == 0
    found = [e for e in lines(tmp_path / "x") if stem(e) == "t4"]
    assert [(e["split"], e["sources"]) for e in found] == [("train", ["deep/train/t4"])] * 2


def test_balance_keeps_the_mark_and_a_new_split_of_its_result_the_groups(cli, synthetic, tmp_path):
    assert cli("balance", synthetic, "--out", "b", "--quiet", "--target", 27).code == 0
    by_name = {Path(e["image"]).stem: e for e in lines(tmp_path / "b")}
    assert {e["recipe"] for n, e in by_name.items() if "__" not in n} == {"copy"}
    for name in ("t3__s1", "t8__s2"):
        entry = by_name[name]
        assert (entry["recipe"], entry["faces"], entry["sources"]) == (
            "synthetic",
            FACES,
            [f"deep/train/{name[:2]}", f"train/{name[:2]}"],
        )
    copies = {n: e for n, e in by_name.items() if e["recipe"] == "augment"}
    assert copies and all(e["sources"][-1] == f"train/{stem(e)}" for e in copies.values())
    made_of_made = [e for n, e in copies.items() if n.startswith("t3__s1__b")]
    assert made_of_made and all(e["sources"] == ["train/t3__s1", "deep/train/t3", "train/t3"] for e in made_of_made)
    for seed in range(5):
        args = ("--split", "0.5,0.25,0.25", "--out", "x", "--seed", seed, "--overwrite", "--quiet")
        assert cli("convert", "b", *args).code == 0
        found = lines(tmp_path / "x")
        plain = {stem(e): e["split"] for e in found if e["recipe"] == "copy"}
        made = [e for e in found if e["recipe"] != "copy"]
        assert {e["split"] for e in made} == {"train"} == {plain[stem(e)] for e in made}
        assert len(plain) == 11


def test_balancing_what_is_balanced_keeps_how_each_copy_was_made(cli, synthetic, tmp_path):
    assert cli("balance", synthetic, "--out", "b", "--quiet").code == 0
    assert cli("balance", "b", "--out", "c", "--quiet", "--workers", 1).code == 0
    before = {e["image"]: e for e in lines(tmp_path / "b") if e["recipe"] != "copy"}
    after = {e["image"]: e for e in lines(tmp_path / "c")}
    assert before and all(after[image] == entry for image, entry in before.items())
    assert cli("balance", "b", "--out", "d", "--quiet", "--workers", 2).code == 0
    assert (tmp_path / "c/manifest.jsonl").read_bytes() == (tmp_path / "d/manifest.jsonl").read_bytes()


@pytest.mark.parametrize("spoil", [False, True])
def test_a_stopped_balance_goes_on_to_the_same_bytes_unless_the_manifest_changed(
    make, cli, synthetic, tmp_path, monkeypatch, spoil
):
    args = ("balance", synthetic, "--target", 27, "--workers", 1, "--quiet", "--out")
    made: list[int] = []

    def encode_some(*args: object, **named: object) -> bytes:
        made.append(1)
        if len(made) == 21:
            raise KeyboardInterrupt
        return encode(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr("datatools.balance.pixels.copies.encode", encode_some)
        assert cli(*args, "b").code != 0 and (tmp_path / "b.partial/.progress/t3__s1.json").is_file()
    if spoil:
        text = (synthetic / "manifest.jsonl").read_text().replace("deep/", "other/")
        (synthetic / "manifest.jsonl").write_text(text)
    assert cli(*args, "b").code == cli(*args, "c").code == 0
    assert make.tree(tmp_path / "b") == make.tree(tmp_path / "c")
    assert any("other/train/t3" in e["sources"] for e in lines(tmp_path / "b") if e["recipe"] == "augment") == spoil


def test_a_repaired_copy_keeps_the_mark(cli, synthetic, tmp_path):
    assert cli("check", synthetic, "--fix", "--out", "fixed").code == 0
    assert recipes(tmp_path / "fixed") == {("train", "copy"), ("train", "synthetic"), ("val", "copy")}


def test_without_a_manifest_nothing_is_known_and_nothing_is_left_out(cli, synthetic, tmp_path):
    (synthetic / "manifest.jsonl").unlink()
    assert read_provenance(synthetic) == Provenance()
    said = json.loads(cli("convert", synthetic, "--split", "0.5,0.3,0.2", "--out", "x", "--json").out)
    assert said["done"] == [] and {e["recipe"] for e in lines(tmp_path / "x")} == {"copy"}
    assert len(lines(tmp_path / "x")) == 31


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "no JSON object, expected one picture a line"),
        ("\xff", "no JSON object, expected one picture a line"),
        ("[1]", "no JSON object, expected one picture a line"),
        ('{"split": "train", "sources": [], "recipe": "copy"}', "image is null, expected a name"),
        ('{"image": "", "split": "", "sources": [], "recipe": "copy"}', 'image is "", expected a name'),
        ('{"image": "a.jpg", "split": "", "sources": [], "recipe": 3}', "recipe is 3, expected a name"),
        ('{"image": "a.jpg", "split": "", "sources": [], "recipe": "copy", "group": 1}', "group is 1, expected a name"),
        ('{"image": "a.jpg", "split": "", "sources": "b", "recipe": "copy"}', 'sources is "b", expected a list of'),
        ('{"image": "a.jpg", "split": "", "sources": [1], "recipe": "copy"}', "sources is [1], expected a list of"),
    ],
)
def test_a_broken_line_is_named_and_nothing_is_written(cli, synthetic, tmp_path, line, said):
    with (synthetic / "manifest.jsonl").open("ab") as file:
        file.write(b"\n" + line.encode("latin-1") + b"\n")
    for command in ("convert", "balance"):
        message = cli(command, synthetic, "--out", "x", "--quiet").error
        assert message.startswith(f"{synthetic}/manifest.jsonl:33: {said}")
        assert message.endswith("; correct the line, or make the split again") and not (tmp_path / "x").exists()


def test_an_archives_manifest_says_nothing_of_groups(make, cli, tmp_path):
    """Its lines have no split: `generators sample` and `datatools fetch` list photographs and addresses as sources."""
    make.voc(tmp_path / "raw", **{f"p{k}": [("cat", (4, 6, 24, 18))] for k in range(10)})
    text = "".join(
        json.dumps({"image": f"images/p{k}.jpg", "sources": ["url"], "recipe": "x"}) + "\n" for k in range(9)
    )
    make.put(tmp_path / "raw/manifest.jsonl", text)
    assert cli("convert", "--split", "0.5,0.5", "--quiet").code == 0
    found = lines(tmp_path / "data/yolo")
    assert [sum(e["split"] == s for e in found) for s in ("train", "val")] == [5, 5]
    assert all("group" not in e and e["sources"] == [Path(e["image"]).stem] for e in found)


def test_an_image_of_the_manifest_and_its_annotation_have_one_id(cli, synthetic):
    ids = {a.id for a in formats.read(synthetic, quiet=True).dataset.annotations}
    assert set(read_provenance(synthetic).origins) == ids and "train/t0__s1" in ids


def test_a_group_that_a_manifest_states_is_kept_on_one_side_and_stated_again(cli, synthetic, tmp_path):
    entries = [e | ({"group": "one film"} if stem(e) in ("t5", "t6", "v") else {}) for e in lines(synthetic)]
    (synthetic / "manifest.jsonl").write_text("".join(json.dumps(e) + "\n" for e in entries))
    for seed in range(4):
        args = ("--split", "0.4,0.3,0.3", "--out", "x", "--seed", seed, "--overwrite", "--quiet")
        assert cli("convert", synthetic, *args).code == 0
        assert len({e["split"] for e in lines(tmp_path / "x") if stem(e) in ("t5", "t6", "v")}) == 1
    assert cli("balance", synthetic, "--out", "b", "--quiet").code == 0
    grouped = {stem(e) for e in lines(tmp_path / "b") if e.get("group") == "one film"}
    assert grouped == {"t5", "t6", "v"}


@given(
    st.lists(st.tuples(st.booleans(), st.lists(st.sampled_from("pqrstu"), max_size=2)), min_size=1, max_size=14),
    st.integers(0, 99),
)
def test_no_division_parts_kin_or_puts_a_made_picture_outside_train(pictures, seed):
    origins = {
        f"i{k}": Origin(tuple(sources), "synthetic" if made else "copy") for k, (made, sources) in enumerate(pictures)
    }
    known = Provenance(origins)
    dataset = Dataset(("c",), tuple(Annotation(name, "", (9, 9)) for name in origins))
    divided, groups, left = divide(dataset, (0.4, 0.3, 0.3), {}, known, np.random.default_rng(seed))
    side = {a.id: split for a, split in zip(divided.annotations, divided.splits, strict=True)}
    assert set(side) | set(left) == set(origins) and not set(side) & set(left) and set(groups) == set(side)
    assert all(side.get(name, "train") == "train" for name in origins if known.is_made(name))
    assert all(known.is_made(name) for name in left)
    for one, a in origins.items():
        for two, b in origins.items():
            if set(a.sources) & set(b.sources) and one in side and two in side:
                assert side[one] == side[two] and groups[one] == groups[two]


def test_a_bare_command_takes_the_newest_of_converted_and_synthetic_and_says_why(make, cli, synthetic, tmp_path):
    shutil.copytree(synthetic, tmp_path / "data/yolo")
    yaml = tmp_path / "data/yolo/data.yaml"
    yaml.write_text(yaml.read_text().replace("kind: synthetic", "kind: converted"))
    made, converted = synthetic / "data.yaml", yaml
    assert cli("balance", "--out", "data/balanced", "--quiet").code == 0
    for newer, older in ((made, converted), (converted, made)):
        os.utime(older, ns=(10**18, 10**18))
        os.utime(newer, ns=(2 * 10**18, 2 * 10**18))
        os.utime(tmp_path / "data/balanced/data.yaml", ns=(10**17, 10**17))
        name, other = newer.parent.name, older.parent.name
        said = f"source: data/{name} (newest converted or synthetic split; also there: data/{other})\n"
        assert cli("balance", "--dry-run").err == said
        said = f"newest converted or synthetic or balanced split; also there: data/balanced, data/{other}"
        assert cli("stats").err == f"source: data/{name} ({said})\n"
    shutil.rmtree(tmp_path / "data/yolo")
    assert cli("balance", "--dry-run").err == "source: data/synthetic (the only converted or synthetic split)\n"


@pytest.mark.parametrize(("options", "default"), [(writing, "copy"), (writing_options("hard"), "hard")])
def test_a_command_chooses_how_pictures_are_linked_by_default(options, default):
    @click.command()
    @options
    def show(link: str, overwrite: bool, seed: int, dry_run: bool) -> None:
        click.echo(f"{link} {overwrite} {seed} {dry_run}")

    assert CliRunner().invoke(show).output == f"{default} False 0 False\n"
    assert CliRunner().invoke(show, ["--link", "symlink", "--seed", "3"]).output == "symlink False 3 False\n"
    assert f"default: {default}" in CliRunner().invoke(show, ["--help"]).output


@pytest.mark.slow
@pytest.mark.realdata
def test_a_balanced_real_set_is_divided_anew_without_parting_kin(shared_data, cli, tmp_path):
    assert cli("convert", shared_data / "data/face-mask-detection", "--quiet").code == 0
    assert cli("balance", "--quiet").code == 0
    said = json.loads(cli("convert", "data/balanced", "--split", "0.8,0.1,0.1", "--out", "x", "--json").out)
    (line,) = [d for d in said["done"] if "made" in d]
    known, found = read_provenance(tmp_path / "x"), formats.read(tmp_path / "x", quiet=True).dataset
    side = {a.id: split for a, split in zip(found.annotations, found.splits, strict=True)}
    assert set(known.origins) == set(side)
    assert all(side[a] == side[b] for a, b in known.pairs(side))
    assert {side[name] for name in side if known.is_made(name)} == {"train"}
    photographs = [side[name] for name in side if not known.is_made(name)]
    assert len(photographs) == 753 and photographs.count("val") == pytest.approx(75, abs=3)
    assert int(line.split()[2]) + len(side) == len(read_provenance(tmp_path / "data/balanced").origins)


def test_a_manifest_is_read_whatever_ends_its_lines(tmp_path):
    line = '{"image": "images/train/e\u0301 1.png", "split": "train", "sources": ["\u2028"], "recipe": "augment"}'
    text = f"\ufeff{line}\r\n\r\n"
    (tmp_path / "manifest.jsonl").write_bytes(text.encode())
    known = read_provenance(tmp_path)
    assert known.origins == {"train/\u00e9 1": Origin(("\u2028",), "augment")} and known.is_made("train/\u00e9 1")
    (tmp_path / "manifest.jsonl").write_bytes(text.encode() + b'{"image"')
    with pytest.raises(LayoutError, match=r"manifest\.jsonl:3: no JSON object"):
        read_provenance(tmp_path)
