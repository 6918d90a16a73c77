"""Conversion of 753 real XML files, in process and as a command, and of many more; start-up of the command line.

    python tests/benchmarks/convert.py [--many 100000]

Beside it: globox (if `pip install globox` was done), and the floor: a bare lxml loop that reads, divides and writes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lxml import etree
from timing import in_turns, photographs, table

from datatools import formats
from datatools.formats import voc, yolo

BIN = Path(sys.executable).parent


def bare_loop(source: Path, out: Path) -> None:
    """The least that a converter does; no check, no picture, classes in a fixed order."""
    ids = {"mask_weared_incorrect": 0, "with_mask": 1, "without_mask": 2}
    out.mkdir(exist_ok=True)
    for path in sorted((source / "annotations").glob("*.xml")):
        root = etree.fromstring(path.read_bytes())
        w, h = int(root.findtext("size/width")), int(root.findtext("size/height"))
        lines = []
        for item in root.iterchildren("object"):
            x1, y1, x2, y2 = (int(v.text) for v in item.find("bndbox"))
            centre = f"{(x1 + x2) / 2 / w:.8f} {(y1 + y2) / 2 / h:.8f}"
            lines.append(f"{ids[item.findtext('name')]} {centre} {(x2 - x1) / w:.8f} {(y2 - y1) / h:.8f}\n")
        (out / f"{path.stem}.txt").write_text("".join(lines))


def ours_parse_only(source: Path, out: Path) -> None:
    """Parse all XML and write all labels through the core type, with the picture sizes that the files state."""
    from datatools.formats.assemble import Classes, assemble
    from datatools.tree import Tree
    from datatools.walk import walk

    tree = walk(source)
    parsed = voc.parse(Tree(tree.root, tree.files), workers=1, quiet=True)
    reading = assemble(tree, parsed, Classes(), workers=1, quiet=True)
    out.mkdir(exist_ok=True)
    for annotation in reading.dataset.annotations:
        (out / f"{annotation.id}.txt").write_text(yolo.text_of(annotation))


def ours_checked(source: Path, out: Path) -> None:
    """The same with near-duplicate hashes: every picture is decoded."""
    reading = formats.read(source, dhash=True, workers=1, quiet=True)
    out.mkdir(exist_ok=True)
    for annotation in reading.dataset.annotations:
        (out / f"{annotation.id}.txt").write_text(yolo.text_of(annotation))


def in_process(source: Path, scratch: Path) -> None:
    contestants = {
        "bare lxml loop": lambda: bare_loop(source, scratch / "bare"),
        "datatools (sizes from the pictures)": lambda: ours_parse_only(source, scratch / "ours"),
        "datatools (every picture decoded, hashed)": lambda: ours_checked(source, scratch / "checked"),
    }
    try:
        from globox import AnnotationSet
    except ImportError:
        print("globox is not installed: not measured")
    else:
        contestants["globox"] = lambda: AnnotationSet.from_pascal_voc(source / "annotations").save_yolo_darknet(
            scratch / "globox", label_to_id={"mask_weared_incorrect": 0, "with_mask": 1, "without_mask": 2}
        )
        (scratch / "globox").mkdir()
    n = len(list((source / "annotations").glob("*.xml")))
    table(f"convert {n} XML, in process", in_turns(contestants, 7), n, "files", "bare lxml loop")


def as_command(source: Path, scratch: Path) -> None:
    def run(*words: str) -> None:
        subprocess.run([*words], check=True, capture_output=True)

    convert = [str(BIN / "datatools"), "convert", str(source), "--out", str(scratch / "yolo"), "--overwrite", "--quiet"]
    code = (
        "from globox import AnnotationSet as A;"
        f"A.from_pascal_voc({str(source / 'annotations')!r}).save_yolo_darknet({str(scratch / 'globox')!r},"
        "label_to_id={'mask_weared_incorrect':0,'with_mask':1,'without_mask':2})"
    )
    contestants = {
        "datatools convert --split none": lambda: run(*convert, "--split", "none"),
        "datatools convert (split, near-duplicates, pictures copied)": lambda: run(*convert),
    }
    reference = "datatools convert --split none"
    try:
        import globox  # noqa: F401
    except ImportError:
        print("globox is not installed: not measured")
    else:
        (scratch / "globox").mkdir(exist_ok=True)
        contestants["globox (no pictures looked at or copied)"] = lambda: run(sys.executable, "-c", code)
    contestants["datatools --help"] = lambda: run(str(BIN / "datatools"), "--help")
    contestants["detector --help"] = lambda: run(str(BIN / "detector"), "--help")
    contestants["python -c pass"] = lambda: run(sys.executable, "-c", "pass")
    table("whole commands", in_turns(contestants, 5), 753, "files", reference)


def many(source: Path, scratch: Path, count: int) -> None:
    """`count` annotations with hard-linked pictures, as one command with two workers."""
    big = scratch / "big"
    (big / "images").mkdir(parents=True)
    (big / "annotations").mkdir()
    pairs = [(p, source / "images" / f"{p.stem}.jpg") for p in sorted((source / "annotations").glob("*.xml"))]
    local = [(a.read_bytes(), Path(shutil.copy(b, scratch / b.name))) for a, b in pairs]
    for k in range(count):
        text, picture = local[k % len(local)]
        (big / "annotations" / f"p{k:06d}.xml").write_bytes(text)
        os.link(picture, big / "images" / f"p{k:06d}.jpg")
    base = [str(BIN / "datatools"), "convert", str(big), "--out", str(scratch / "many"), "--link", "hard", "--quiet"]
    words = [*base, "--split", "none", "--overwrite"]
    contestants = {
        "bare lxml loop": lambda: bare_loop(big, scratch / "bare-many"),
        "datatools convert --split none --link hard, 1 worker": lambda: subprocess.run(
            [*words, "--workers", "1"], check=True
        ),
        "datatools convert --split none --link hard, 2 workers": lambda: subprocess.run(
            [*words, "--workers", "2"], check=True
        ),
    }
    table(f"{count:,} files", in_turns(contestants, 1), count, "files", "bare lxml loop")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--many", type=int, default=0)
    arguments = parser.parse_args()
    source = photographs()
    with tempfile.TemporaryDirectory() as scratch:
        in_process(source, Path(scratch))
        as_command(source, Path(scratch))
        if arguments.many:
            many(source, Path(scratch), arguments.many)


if __name__ == "__main__":
    main()
