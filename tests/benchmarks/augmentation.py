"""What each operator does, at several strengths, to the boxes of real photographs and to the landmarks of bare faces.

Boxes: one draw for every picture, no second try.  Faces: a hundred annotated bare faces of at least 24 px whose
landmarks are found before; how many are found afterwards, and how far from where the geometry takes them.

python tests/benchmarks/augmentation.py          # a minute on a free core
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from timing import photographs

from datatools import formats
from datatools.balance.pixels.augment import ATTEMPTS, Augmenter, Drawn
from datatools.balance.pixels.box_fit import moved_boxes
from datatools.balance.pixels.colour import compressed
from datatools.balance.pixels.geometry import draw_geometry
from datatools.balance.pixels.policy import COLOUR, SHIPPED, Policy, read_policy
from datatools.core import Annotation, areas, clip_boxes
from datatools.images import decode
from datatools.streams import picture_stream
from generators.faces import landmarks, predictor
from generators.faces.face import Face

FACES, LEAST_PX, VISIBLE = 100, 24, 0.6
STRENGTHS = {
    ("flip_horizontal", ""): (1,),
    ("flip_vertical", ""): (1,),
    ("affine", "scale"): (0.5, 0.7, 0.85, 1.25, 1.6, 2.0),
    ("affine", "rotate_deg"): (2, 5, 12, 20, 45),
    ("affine", "shear_deg"): (3, 6, 12),
    ("affine", "shift_x"): (0.03, 0.06, 0.15, 0.3),
    ("affine", "shift_y"): (0.03, 0.06, 0.15, 0.3),
    ("crop", "share"): (0.05, 0.1, 0.2, 0.3),
    ("brightness", "multiply"): (0.3, 0.55, 0.75, 1.3, 1.6, 2.2),
    ("contrast", "multiply"): (0.4, 0.6, 0.8, 1.25, 1.5, 2.0),
    ("hue_saturation", "add"): (12, 25, 60),
    ("blur", "sigma_px"): (0.5, 1.0, 1.5, 3.0),
    ("noise", "sigma"): (0.02, 0.04, 0.08, 0.15),
    ("jpeg", "quality"): (90, 45, 25, 10),
}
SIGNED = ("rotate_deg", "shear_deg", "shift_x", "shift_y", "add")  # both signs are drawn


@dataclass(frozen=True)
class Bare:
    """A face whose landmarks are found before anything is done.  box: its index in the annotation."""

    annotation: Annotation
    pixels: NDArray
    box: int
    face: Face


def cases() -> Iterator[tuple[str, list[Policy]]]:
    """(name, policies of which each picture gets one by its number): no strength is drawn."""
    for (name, key), strengths in STRENGTHS.items():
        for strength in strengths:
            values = (strength, -strength) if key in SIGNED else (strength,)
            said = [{name: {"p": 1.0} | ({key: (float(v), float(v))} if key else {})} for v in values]
            group = "colour" if name in COLOUR else "geometry"
            policies = [replace(Policy({}, {}), **{group: s}) for s in said]  # type: ignore[arg-type]
            sign = "±" if key in SIGNED else ""
            yield f"{name} {key} {sign}{strength}" if key else name, policies
    for name in SHIPPED:
        yield f"policy {name}", [read_policy(name)]


def boxes(annotations: tuple[Annotation, ...], policies: list[Policy]) -> tuple[float, float, float, float]:
    """(share of boxes that keep less than VISIBLE, mean area cut off the others, growth of the box beyond the shape's,
    share of pictures left with the flips alone after all tries)."""
    lost, cut, grown, flips = [], [], [], []
    for number, a in enumerate(annotations):
        policy, rng = policies[number % len(policies)], picture_stream(0, a.id, 1)
        geometry = draw_geometry(policy.geometry, a.size_wh, rng)
        moved = moved_boxes(geometry.matrix, a.xyxy)
        inside = areas(clip_boxes(moved, geometry.size_wh)) / areas(moved)
        lost += (inside < VISIBLE).tolist()
        cut += (1 - inside[inside >= VISIBLE]).tolist()
        grown += (areas(moved) / areas(a.xyxy) / abs(np.linalg.det(geometry.matrix[:, :2])) - 1).tolist()
        flips.append(Augmenter(policy, VISIBLE).draw(a.xyxy, a.size_wh, rng).attempt == ATTEMPTS)
    return float(np.mean(lost)), float(np.mean(cut)), float(np.mean(grown)), float(np.mean(flips))


def bare_faces(annotations: tuple[Annotation, ...], bare: int, model: predictor.Predictor) -> list[Bare]:
    """FACES of them, one of a picture, spread over the set."""
    found = []
    for a in annotations:
        sides = (a.xyxy[:, 2:] - a.xyxy[:, :2]).min(axis=1)
        chosen = np.flatnonzero((a.labels == bare) & (sides >= LEAST_PX))
        if len(chosen):
            pixels, box = decode(a.path), int(chosen[sides[chosen].argmax()])
            face = landmarks.locate(pixels, a.xyxy[[box]], model)[0]
            found += [Bare(a, pixels, box, face)] if isinstance(face, Face) else []
    return [found[k] for k in np.unique(np.linspace(0, len(found) - 1, FACES).round().astype(int))]


def faces(bare: list[Bare], policies: list[Policy], model: predictor.Predictor) -> tuple[float, float]:
    """(share whose landmarks are found again, median distance from where they should be, in parts of the face)."""
    again, away = [], []
    for number, b in enumerate(bare):
        policy, rng = policies[number % len(policies)], picture_stream(0, b.annotation.id, 1)
        geometry = draw_geometry(policy.geometry, b.annotation.size_wh, rng)
        moved = moved_boxes(geometry.matrix, b.annotation.xyxy[[b.box]])
        made, colours = Augmenter(policy, 0.0).pixels(b.pixels, Drawn(geometry, moved, "ellipse", 0), rng)
        inside = clip_boxes(moved, geometry.size_wh)
        if areas(inside)[0] < VISIBLE * areas(moved)[0]:
            continue  # such a draw is not accepted
        face = landmarks.locate(compressed(made, colours.jpeg), inside, model)[0]
        again.append(isinstance(face, Face))
        if isinstance(face, Face):
            matrix = geometry.matrix
            expected = b.face.points @ matrix[:, :2].T + matrix[:, 2]
            order = landmarks.MIRRORED if np.linalg.det(matrix[:, :2]) < 0 else range(len(expected))
            distance = np.linalg.norm(face.points - expected[list(order)], axis=1).mean()
            away.append(distance / face.size)
    return float(np.mean(again)) if again else float("nan"), float(np.median(away)) if away else float("nan")


def main() -> None:
    dataset = formats.read(photographs()).dataset
    model = predictor.load(predictor.find())
    sample = bare_faces(dataset.annotations, dataset.classes.index("without_mask"), model)
    print(f"{len(dataset)} pictures, {sum(map(len, dataset.annotations))} boxes; {len(sample)} bare faces\n")
    print("| operator | boxes lost | cut | grown | flips only | faces found again | landmarks away |")
    print("|---|---|---|---|---|---|---|")
    with_boxes = tuple(a for a in dataset.annotations if len(a))
    for name, policies in cases():
        geometric = any(policy.geometry for policy in policies)
        lost, cut, grown, flips = boxes(with_boxes, policies) if geometric else (0.0, 0.0, 0.0, 0.0)
        again, away = faces(sample, policies, model)
        left = f"{lost:.1%} | {cut:.1%} | {grown:+.1%} | {flips:.1%}" if geometric else "– | – | – | –"
        print(f"| {name} | {left} | {again:.0%} | {away:.1%} |", flush=True)


if __name__ == "__main__":
    main()
