"""A small detection set for a machine without data, made of photographs that dependencies bring along.

It is what it says: two portraits, cut out, scaled, turned and laid on other photographs, some wearing a mask that was
drawn by code.  Good for trying the commands; a detector trained on it knows two people.  The classes are unequal on
purpose, about 10 : 3 : 1, as the public set's are about 26 : 6 : 1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datatools import images, outputs, raw
from datatools.core import Annotation, Dataset
from datatools.formats import voc
from datatools.parallel import ordered_map
from generators.sample.people import PEOPLE
from generators.sample.photographs import BACKGROUNDS, PHOTOGRAPHS, path_of
from generators.sample.scene import CLASSES, Cast, Role, Scene, draw

RECIPE = "sample"
QUALITY = 93
SHARES = {"without_mask": 0.215, "mask_weared_incorrect": 0.07}  # the rest wear it right
FACES = (1, 2, 3, 4, 5)
FACE_SHARES = (0.12, 0.2, 0.25, 0.24, 0.19)


@dataclass(frozen=True, slots=True)
class Plan:
    """Every picture, before one is drawn."""

    casts: tuple[Cast, ...]
    seed: int

    def counts(self) -> dict[str, int]:
        """Boxes of each class, in the order of CLASSES."""
        labels = [role.label for cast in self.casts for role in cast.roles]
        return {name: labels.count(name) for name in CLASSES}


def plan(n_images: int = 72, seed: int = 0) -> Plan:
    """Who is in which picture: one in 24 shows nobody, one in 9 is a portrait as photographed."""
    rng = np.random.default_rng([seed, n_images])
    n_empty, n_own = n_images // 24, n_images // 9
    faces = rng.choice(FACES, n_images, p=FACE_SHARES)
    kinds = rng.permutation(["empty"] * n_empty + ["own"] * n_own + [""] * (n_images - n_empty - n_own))
    faces[kinds == "empty"], faces[kinds == "own"] = 0, 1
    labels = iter(_labels(int(faces.sum()), rng))
    backgrounds = [b.name for b in BACKGROUNDS]
    start = int(rng.integers(len(backgrounds)))
    casts = []
    for k in range(n_images):
        roles = tuple(Role(str(rng.choice(list(PEOPLE))), next(labels)) for _ in range(faces[k]))
        own = str(kinds[k]) == "own"
        background = roles[0].person if own else backgrounds[(start + k) % len(backgrounds)]
        casts.append(Cast(f"sample{k:04d}", background, roles, own))
    return Plan(tuple(casts), seed)


def _labels(n: int, rng: np.random.Generator) -> list[str]:
    """The classes of n faces, shuffled; each class at least once."""
    few = {name: max(1, round(share * n)) for name, share in SHARES.items()}
    labels = [name for name, count in few.items() for _ in range(count)]
    labels += ["with_mask"] * (n - len(labels))
    return [labels[k] for k in rng.permutation(n)]


def render(cast: Cast, seed: int) -> Scene:
    """One picture; its random stream hangs on the seed and its own id alone."""
    digest = int.from_bytes(hashlib.sha256(cast.id.encode()).digest(), "big")
    return draw(cast, np.random.default_rng(np.random.SeedSequence([seed, digest])))


def write(planned: Plan, out: Path, *, workers: int = 0, quiet: bool = False) -> None:
    """Draw every picture and put images/, annotations/, README.txt and manifest.jsonl into `out`, all or nothing."""
    for name in sorted({cast.background for cast in planned.casts} | set(PEOPLE)):
        path_of(PHOTOGRAPHS[name])
    with outputs.staged(out) as folder:
        (folder / "images").mkdir()
        work = partial(_drawn, seed=planned.seed, folder=folder)
        drawn = list(ordered_map(work, planned.casts, workers=workers, item_ms=20, what="drawing", quiet=quiet))
        dataset = Dataset(CLASSES, tuple(annotation for annotation, _ in drawn))
        for path, text in voc.files(dataset, {a.id: f"images/{a.id}.jpg" for a in dataset.annotations}):
            outputs.put(folder / path, text)
        outputs.put(folder / outputs.MANIFEST, "".join(f"{line}\n" for _, line in drawn))
        outputs.put(folder / "README.txt", about(planned))
        for path, data in raw.kept(out):
            outputs.put(folder / path, data)


def _drawn(cast: Cast, seed: int, folder: Path) -> tuple[Annotation, str]:
    """Draw one picture into the folder; its annotation, and its line of the manifest."""
    scene = render(cast, seed)
    outputs.put(folder / f"images/{cast.id}.jpg", images.encode(scene.pixels, ".jpg", QUALITY))
    return _annotation(cast, scene), _manifest_line(cast, scene, seed)


def _boxes(scene: Scene) -> NDArray:
    """(N, 4) xyxy, to a hundredth of a pixel."""
    return np.round(np.array([face.xyxy for face in scene.faces]).reshape(-1, 4), 2)


def _annotation(cast: Cast, scene: Scene) -> Annotation:
    h, w = scene.pixels.shape[:2]
    labels = np.array([CLASSES.index(face.role.label) for face in scene.faces], int)
    return Annotation(cast.id, "", (w, h), _boxes(scene), labels)


def _manifest_line(cast: Cast, scene: Scene, seed: int) -> str:
    faces = [
        {
            "person": face.role.person,
            "class": face.role.label,
            "worn": face.worn,
            "mask": face.mask,
            "flipped": face.flipped,
            "angle_deg": round(face.angle_deg, 3),
            "xyxy": box,
        }
        for face, box in zip(scene.faces, _boxes(scene).tolist(), strict=True)
    ]
    sources = list(dict.fromkeys([cast.background, *(role.person for role in cast.roles)]))
    line = {"image": f"images/{cast.id}.jpg", "sources": sources, "recipe": RECIPE, "seed": seed, "faces": faces}
    return json.dumps(line, ensure_ascii=False)


def sources() -> Iterator[str]:
    """One line a photograph: where it comes from, what it shows, its licence."""
    for p in PHOTOGRAPHS.values():
        yield f"{p.name}: {p.shows}. {p.licence}. Shipped by {p.place[1]} as {p.file}. Source: {p.source}."


def about(planned: Plan) -> str:
    """The README.txt of a sample."""
    counts = "\n".join(f"    {name:<24}{count:>6}" for name, count in planned.counts().items())
    listed = "\n".join(f"- {line}" for line in sources())
    return (
        "A SYNTHETIC SAMPLE, made by `generators sample`.  Not for real use.\n\n"
        "Two portraits were cut out, scaled, turned and laid on other photographs; the masks were drawn by code.\n"
        "It exists to try the commands where there is no data.  A detector trained on it knows two people.\n\n"
        f"Seed {planned.seed}, {len(planned.casts)} pictures, boxes of each class:\n{counts}\n\n"
        f"Photographs, and their licences:\n{listed}\n"
    )
