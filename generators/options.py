"""What `overlay` is told on the command line: the types of its options, and the settings that they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from datatools.options import PATH, options
from generators.making.classes import DEFAULT, roles_of

if TYPE_CHECKING:
    from generators.making.build import Settings
    from generators.making.order import Order
    from generators.making.portraits import Settings as PortraitSettings


looking = options(
    click.option(
        "--min-face", type=click.FloatRange(0), default=16, show_default=True, help="Least side of a face, pixels."
    ),
    click.option("--predictor", type=PATH, help="Shape predictor; default: $DLIB_PREDICTOR, or the installed one."),
)
drawing = options(
    click.option("--masks", type=PATH, help="A folder of your own masks, PNG with transparency: half come from it."),
    click.option(
        "--format", "suffix", type=click.Choice(["jpg", "png"]), help="Of new pictures; default: as their source."
    ),
)


class Pairs(click.ParamType):
    """`NAME=VALUE,NAME=VALUE` -> dict; each name once."""

    name = "NAME=VALUE,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, dict):
            return value
        parts = [part.partition("=") for part in value.split(",")]
        said = {name.strip(): text.strip() for name, _, text in parts}
        if len(said) != len(parts) or not all(sign and name.strip() and text.strip() for name, sign, text in parts):
            self.fail(f"{value!r}: expected {self.name}, each name once", param, ctx)
        return self.checked(said, param, ctx)

    def checked(self, said: dict[str, str], param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return said

    def expect(
        self, said: dict[str, str], names: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> None:
        """Fails on a name that is none of these."""
        for name in said:
            if name not in names:
                self.fail(f"{name!r}: expected some of {', '.join(names)}", param, ctx)


class ClassNames(Pairs):
    """role -> class; each class once."""

    name = "ROLE=CLASS,..."

    def checked(self, said: dict[str, str], param: click.Parameter | None, ctx: click.Context | None) -> Any:
        self.expect(said, DEFAULT, param, ctx)
        names = list((DEFAULT | said).values())
        for name in names:
            if names.count(name) > 1:
                self.fail(f"the class {name!r} has two roles: expected three different classes", param, ctx)
        return said


class Mix(Pairs):
    """mode -> share, adding up to 1; the modes of the role incorrect."""

    name = "MODE=SHARE,..."

    def checked(self, said: dict[str, str], param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from generators.making.plan import modes_of

        self.expect(said, modes_of("incorrect"), param, ctx)
        shares = {}
        for mode, text in said.items():
            try:
                shares[mode] = float(text)
            except ValueError:
                shares[mode] = -1.0
            if not 0 <= shares[mode] <= 1e6:
                self.fail(f"{mode}={text}: expected a share, such as 0.5", param, ctx)
        if not sum(shares.values()) > 0:
            self.fail("no share is above 0", param, ctx)
        return {mode: share / sum(shares.values()) for mode, share in shares.items() if share > 0}


class Fill(Pairs):
    """class -> how many faces of it are made."""

    name = "CLASS=N,..."

    def checked(self, said: dict[str, str], param: click.Parameter | None, ctx: click.Context | None) -> Any:
        for name, text in said.items():
            if not (text.isdecimal() and int(text)):
                self.fail(f"{name}={text}: expected how many faces are made, such as {name}=1000", param, ctx)
        return {name: int(text) for name, text in said.items()}


def settings_of(said: dict[str, Any], quiet: bool) -> Settings:
    """The settings of `overlay`.

    Raises click.UsageError where options exclude each other, UserError where there is no predictor.
    """
    from generators.making.build import Settings

    order = _order(said)
    roles = roles_of(said["classes"] or {}, said["from_class"] or "")
    return Settings(roles=roles, order=order, **_making(said), quiet=quiet)


def portrait_settings(said: dict[str, Any], quiet: bool) -> PortraitSettings:
    """The settings of `dataset`.  Raises click.UsageError where the photographs are not to be divided."""
    from generators.making.portraits import Settings

    if not isinstance(said["split"], tuple):
        raise click.UsageError(f"--split {said['split']}: expected shares, such as 0.8,0.1,0.1")
    mix = {"mix": said["mix"]} if said["mix"] else {}
    chosen = {"per_class": said["per_class"], "shares": said["split"], **mix}
    return Settings(roles=roles_of(said["classes"] or {}), **chosen, **_making(said), quiet=quiet)


def _making(said: dict[str, Any]) -> dict[str, Any]:
    """What both are told."""
    from generators.making.scan import ready

    suffix = f".{said['suffix']}" if said["suffix"] else ""
    plain = {name: said[name] for name in ("masks", "min_face", "seed", "link", "workers")}
    return {"predictor": ready(said["predictor"]), "suffix": suffix, **plain}


def _order(said: dict[str, Any]) -> Order:
    from generators.making.order import Order

    given = [name for name in ("count", "per_image", "fill") if said[name]]
    if len(given) > 1:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{names} exclude each other: expected one of them")
    fill = [(name, n) for pairs in said["fill"] for name, n in pairs.items()]
    if len(dict(fill)) < len(fill):
        raise click.UsageError("--fill names a class twice: expected each once")
    also = tuple(dict.fromkeys(role for roles in said["also"] for role in roles))
    mix = {"mix": said["mix"]} if said["mix"] else {}
    return Order(dict(fill), said["count"] or 0, said["per_image"], also=also, **mix)
