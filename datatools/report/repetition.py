"""How often a split shows each photograph, and what that leaves of its boxes: from what the manifest says.

A family is a photograph and every picture that has it as a source; a picture made of several photographs counts for the
first that its line names.  The manifest does not say which box of a copy is which, so a class's boxes in a family are
taken as evenly repeated, and as distinct only as far as one picture of the family shows them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from datatools.core import Annotation
from datatools.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Repeated:
    """One class in one split.

    boxes: all of them; distinct: at least so many that differ; photographs: that show the class, themselves or by
    what was made from them.  most: pictures of one photograph that hold the class; photograph: which one it is, ""
    where the class has no box.  effective: sample size (Σr)²/Σr² over the distinct boxes (Kish 1965).
    """

    boxes: int
    distinct: int
    photographs: int
    most: int
    photograph: str
    effective: float

    def as_json(self) -> dict:
        return asdict(self) | {"effective": round(self.effective, 2)}


def families(annotations: Sequence[Annotation], known: Provenance) -> list[str]:
    """Name of the photograph that each picture shows, in order.

    A photograph's own id, or that of the first one with the same source; the oldest source of a picture whose
    photograph is not in the set.
    """
    first: dict[str, str] = {}
    for a in annotations:
        if a.id in known.origins and not known.is_made(a.id):
            for source in known.origins[a.id].sources:
                first.setdefault(source, a.id)
    return [_family(a.id, known, first) for a in annotations]


def _family(name: str, known: Provenance, first: dict[str, str]) -> str:
    sources = known.origins[name].sources if name in known.origins else ()
    there = [first[s] for s in sources if s in first]
    return there[0] if there else sources[-1] if sources else name


def repetition(annotations: Sequence[Annotation], names: Sequence[str], n_classes: int) -> tuple[Repeated, ...]:
    """Figures of each class.  annotations: of one split.  names: the family of each."""
    if not annotations:
        return (Repeated(0, 0, 0, 0, "", 0.0),) * n_classes
    counts = np.array([np.bincount(a.labels, minlength=n_classes) for a in annotations])
    found, family = np.unique(np.array(names, dtype=object), return_inverse=True)
    total, shown, distinct = (np.zeros((len(found), n_classes), np.int64) for _ in range(3))
    np.add.at(total, family, counts)
    np.add.at(shown, family, counts > 0)
    np.maximum.at(distinct, family, counts)
    return tuple(_of_class(total[:, k], shown[:, k], distinct[:, k], found) for k in range(n_classes))


def _of_class(total: NDArray, shown: NDArray, distinct: NDArray, found: NDArray) -> Repeated:
    """total: boxes, shown: pictures, distinct: most boxes in one picture, each (families,)."""
    squares = float((total**2 / np.maximum(distinct, 1)).sum())
    effective = float(total.sum()) ** 2 / squares if squares else 0.0
    most = int(shown.argmax())
    named = str(found[most]) if shown[most] else ""
    return Repeated(int(total.sum()), int(distinct.sum()), int((shown > 0).sum()), int(shown[most]), named, effective)
