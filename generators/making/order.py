"""What the user orders: faces of a class, new pictures, or the default; and the plan that it comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from datatools.errors import TargetError
from generators.drawing.masks import NO_OWN, Texture
from generators.making.classes import MIX, Roles
from generators.making.plan import Plan, mix_of, plan_faces, plan_pictures, quotas
from generators.making.scan import Scan


@dataclass(frozen=True)
class Order:
    """fill: class -> faces to make.  pictures: how many new ones.  per_image: one of each that has usable faces.

    Without any of the three: the role incorrect is filled up to the class that is changed.
    mix: share of each mode of the role incorrect.  also: roles that get as many faces again; where pictures are
    ordered, the faces are shared out equally instead.
    """

    fill: Mapping[str, int] = field(default_factory=dict)
    pictures: int = 0
    per_image: bool = False
    mix: Mapping[str, float] = field(default_factory=lambda: MIX)
    also: tuple[str, ...] = ()

    def roles(self, roles: Roles) -> tuple[str, ...]:
        """The roles that are made.  Raises TargetError where a class to fill has none."""
        return tuple(dict.fromkeys([*(roles.of(name) for name in self.fill or [roles.names["incorrect"]]), *self.also]))

    def shares(self, role: str) -> Mapping[str, float]:
        """Share of each mode of a role."""
        return self.mix if role == "incorrect" else mix_of(role)


def planned(
    scans: Sequence[Scan],
    order: Order,
    roles: Roles,
    counts: Mapping[str, int],
    seed: int,
    wardrobe: Mapping[str, Texture] = NO_OWN,
) -> Plan:
    """The plan of an order.  counts: class -> boxes in train.  Raises TargetError where nothing can be made."""
    subjects = [s.subject for s in scans if s.faces]
    made = order.roles(roles)
    if order.pictures or order.per_image:
        shares = {mode: share / len(made) for role in made for mode, share in order.shares(role).items()}
        plan = plan_pictures(subjects, shares, order.pictures, seed, wardrobe)
    else:
        faces = _faces(order, roles, counts)
        wanted = {mode: n for role in made for mode, n in quotas(faces[role], order.shares(role)).items()}
        plan = plan_faces(subjects, wanted, seed, wardrobe)
    if not plan.uses:
        raise TargetError("--from-class", _nothing(scans, plan, roles.from_class), remedy=_remedy(scans))
    return plan


def _faces(order: Order, roles: Roles, counts: Mapping[str, int]) -> dict[str, int]:
    """role -> faces to make."""
    base = {roles.of(name): n for name, n in order.fill.items()} or {"incorrect": _lacking(roles, counts)}
    return {role: base.get(role, 0) + sum(base.values()) * (role in order.also) for role in order.roles(roles)}


def _lacking(roles: Roles, counts: Mapping[str, int]) -> int:
    """How many boxes the role incorrect has less than the class that is changed."""
    name, source = roles.names["incorrect"], roles.from_class
    if not counts[source]:
        raise TargetError("--from-class", f"no box of {source} in train", remedy="name another class")
    if counts[name] >= counts[source]:
        found = f"{name} has {counts[name]} boxes in train already, {source} has {counts[source]}"
        raise TargetError("--fill", found, remedy=f"say how many are made: --fill {name}=1000")
    return counts[source] - counts[name]


def _nothing(scans: Sequence[Scan], plan: Plan, name: str) -> str:
    reasons = Counter(r.reason for s in scans for r in s.rejected.values())
    reasons.update(unfit.reason for unfit in plan.unfit.values())
    reasons.update("unreadable picture" for s in scans if s.unreadable)
    if not reasons:
        return f"no box of {name} in train"
    said = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common())
    return f"no usable face among the boxes of {name} in train ({said})"


def _remedy(scans: Sequence[Scan]) -> str:
    small = any(r.reason == "too-small" for s in scans for r in s.rejected.values())
    return "lower --min-face, or add pictures" if small else "name another class, or add pictures"
