"""Pascal VOC XML: one file a picture.  LabelImg writes it, and so is the face-mask-detection archive annotated.

Convention of the file: xmin, ymin, xmax, ymax in pixels.  The numbers are taken as they stand, as 0-based half-open
edges (LabelImg itself divides its corners by the image size); with `one_based`, true VOC2007/2012 pixel indices
(1-based, inclusive) are shifted: xmin - 1, ymin - 1.
Cannot carry: crowd flags, pictures' splits (those go to ImageSets/Main/*.txt).
Source: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf, section 5; LabelImg's pascal_voc_io.

XML is parsed without entities, DTDs or network: a file with a DOCTYPE is refused unread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from xml.sax.saxutils import escape

from lxml import etree

from datatools.core import Annotation, Dataset, Flag
from datatools.formats.record import Box, EntryError, Marked, Parsed, Record, marked, matched, number
from datatools.parallel import ordered_map
from datatools.problems import Problem
from datatools.tree import Tree, composed, lines_of, stem_of

NAME = "voc"
TITLE = "Pascal VOC XML"
MAX_BYTES = 32_000_000
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_FLAGS = {"difficult": Flag.DIFFICULT, "truncated": Flag.TRUNCATED, "occluded": Flag.OCCLUDED}


def recognises(tree: Tree) -> bool:
    return any(_looks_like_voc(tree.root / f) for f in tree.with_suffix(".xml")[:20])


def _looks_like_voc(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return b"<annotation" in head.replace(b"\0", b"") or len(head) < 4096


def parse(tree: Tree, *, workers: int = 0, quiet: bool = False, one_based: bool = False) -> Parsed:
    """Every XML file of the tree, matched to its picture by name."""
    files = tree.with_suffix(".xml")
    read = partial(_read_file, root=tree.root, one_based=one_based)
    said = ordered_map(read, files, workers=workers, what="reading XML", quiet=quiet)
    splits = _image_sets(tree)
    records = []
    for file, (record, stated_name) in zip(files, said, strict=True):
        match = matched(tree.pictures_for(file, stated_name), record.source)
        split = splits.get(stem_of(file), "")
        problems = (*record.problems, *match.problems)
        records.append(replace(record, picture=match.picture, rivals=match.rivals, split=split, problems=problems))
    return Parsed(tuple(records))


def _image_sets(tree: Tree) -> dict[str, str]:
    """Stem -> split, from ImageSets/Main/{train,val,test}.txt where the devkit's layout is used."""
    splits = {}
    for file in tree.with_suffix(".txt"):
        path = PurePosixPath(file)
        if path.parent.name == "Main" and path.stem in ("train", "val", "test"):
            stems = (composed(line.strip()) for line in lines_of(tree.root / file))
            splits.update({stem: path.stem for stem in stems if stem})
    return splits


def _read_file(file: str, root: Path, one_based: bool) -> tuple[Record, str]:
    where = str(root / file)
    try:
        tree = parse_xml((root / file).read_bytes())
    except (ValueError, OSError) as error:
        found = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error)
        problem = Problem("annotation-unreadable", where, 0, found, "mend or delete the file")
        return Record(where, "", problems=(problem,)), ""
    return _record(tree, where, one_based), (tree.findtext("filename") or "").strip()


def parse_xml(data: bytes) -> etree._Element:
    """The root element.  Raises ValueError for anything but a small, whole XML file without a DOCTYPE."""
    if not data.strip():
        raise ValueError("the file is empty, expected XML")
    if len(data) > MAX_BYTES:
        raise ValueError(f"{len(data) / 1e6:.0f} MB of XML, expected at most {MAX_BYTES / 1e6:.0f}")
    if b"<!DOCTYPE" in data.replace(b"\0", b"")[:100_000].upper():
        raise ValueError("has a DOCTYPE, which may name entities or other files; expected plain XML")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not well-formed XML ({error.msg})") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("has a DOCTYPE, which may name entities or other files; expected plain XML")
    if root.tag != "annotation":
        raise ValueError(f"the root element is <{root.tag}>, expected <annotation>")
    return root


def _record(tree: etree._Element, where: str, one_based: bool) -> Record:
    elements = ((_line(element), element) for element in tree.iterchildren("object"))
    objects, problems = marked(elements, partial(_marked, one_based=one_based), where)
    wh, size_problems = _stated_size(tree, where)
    return Record(where, "", objects, wh, problems=(*problems, *size_problems))


def _marked(element: etree._Element, one_based: bool) -> Marked:
    fields = {child.tag: child for child in element.iterchildren()}
    try:
        box = _box(fields, one_based)
        name = _text(fields, "name")
        if not name:
            raise ValueError("<name> is missing")
    except ValueError as error:
        raise EntryError("number-malformed", str(error), "correct it, or delete the <object>") from None
    return Marked(name, box, sum(flag for key, flag in _FLAGS.items() if _text(fields, key) == "1"))


def _line(element: etree._Element) -> int:
    line = element.sourceline
    return line if isinstance(line, int) else 0


def _text(fields: Mapping[str, etree._Element], tag: str) -> str:
    element = fields.get(tag)
    return "" if element is None else (element.text or "").strip()


def _box(fields: Mapping[str, etree._Element], one_based: bool) -> Box:
    element = fields.get("bndbox")
    if element is None:
        raise ValueError("<bndbox> is missing")
    corners = {child.tag: child.text for child in element.iterchildren()}
    values = []
    for tag in _CORNERS:
        try:
            values.append(number(corners.get(tag)))
        except ValueError as error:
            raise ValueError(f"<{tag}> is {error}, expected a number") from None
    shift = 1.0 if one_based else 0.0
    return values[0] - shift, values[1] - shift, values[2], values[3]


def _stated_size(tree: etree._Element, where: str) -> tuple[tuple[int, int] | None, tuple[Problem, ...]]:
    size = tree.find("size")
    if size is None:
        return None, (Problem("size-missing", where, 0, "no <size>"),)
    try:
        w, h = number(size.findtext("width")), number(size.findtext("height"))
    except ValueError as error:
        return None, (Problem("size-missing", where, _line(size), f"<size> is {error}"),)
    if w <= 0 or h <= 0:
        return None, (Problem("size-missing", where, _line(size), f"<size> is {w:g}×{h:g}"),)
    return (round(w), round(h)), ()


def picture_folder(split: str) -> str:
    return "images"


def files(dataset: Dataset, pictures: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Annotation files of a data set: (path, text).  pictures: id -> path of the picture in the new folder."""
    members: dict[str, list[str]] = {}
    for annotation, split in zip(dataset.annotations, dataset.splits, strict=True):
        picture = PurePosixPath(pictures[annotation.id])
        yield f"annotations/{picture.stem}.xml", _xml(annotation, dataset.classes, picture.name)
        members.setdefault(split, []).append(picture.stem)
    for split, stems in members.items():
        if split:
            yield f"ImageSets/Main/{split}.txt", "".join(f"{stem}\n" for stem in stems)


def _xml(annotation: Annotation, classes: tuple[str, ...], name: str) -> str:
    w, h = annotation.size_wh
    objects = "".join(
        _object(classes[label], box, Flag(int(flag)))
        for label, box, flag in zip(annotation.labels, annotation.xyxy.tolist(), annotation.flags, strict=True)
    )
    return (
        f"<annotation>\n  <folder>images</folder>\n  <filename>{escape(name)}</filename>\n"
        f"  <size>\n    <width>{w}</width>\n    <height>{h}</height>\n    <depth>3</depth>\n  </size>\n"
        f"  <segmented>0</segmented>\n{objects}</annotation>\n"
    )


def _object(name: str, box: list[float], flag: Flag) -> str:
    corners = "".join(f"<{tag}>{plain(v)}</{tag}>" for tag, v in zip(_CORNERS, box, strict=True))
    said = "".join(f"    <{tag}>{int(bool(flag & bit))}</{tag}>\n" for tag, bit in _FLAGS.items())
    return (
        f"  <object>\n    <name>{escape(name)}</name>\n    <pose>Unspecified</pose>\n{said}"
        f"    <bndbox>{corners}</bndbox>\n  </object>\n"
    )


def plain(value: float) -> str:
    """A number as a person would write it: no `.0`; all digits where there are any."""
    return str(int(value)) if value == int(value) else repr(value)
