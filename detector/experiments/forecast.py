"""What `--dry-run` tells: the data sets and runs of a plan, which are there already, and what the rest will cost."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from detector.data.split import read_split
from detector.experiments.building import read_built
from detector.experiments.costs import Costs, bytes_of
from detector.experiments.plan import DataSet, Plan
from detector.experiments.store import Standing, read_records


def forecast(plan: Plan, found: Sequence[Standing], workers: int, device: str, threads: int) -> str:
    """Text for people. Writes nothing."""
    train, val, guess = _pictures(plan)
    costs = Costs(read_records(plan.store), device, threads)
    lines, total = [f"{plan.suite.title}: {plan.suite.question}".rstrip(": "), "", "data sets"], 0.0
    for one in plan.data:
        state = "there" if one.folder.is_dir() else "to make"
        lines.append(f"  {one.key}  {state:8} {shlex.join(one.command) if one.command else one.folder}")
    lines += ["", "runs"]
    for standing in found:
        run, seconds = standing.run, 0.0
        if not standing.there:
            seconds = costs.seconds(run, train.get(run.data.key, guess), val)
        total += seconds
        cost = f"about {timedelta(seconds=round(seconds))}" if seconds else ""
        lines.append(f"  {run.key}  {_state(standing):8} {run.title} ({run.configuration.data})  {cost}".rstrip())
    missing = [one for one in found if not one.there]
    lines += ["", f"{len(found)} runs, {len(found) - len(missing)} of them there already"]
    if missing:
        lines.append(
            f"about {total / workers / 3600:.1f} hours with {workers} at a time on {device} ({_why(costs, missing)})"
        )
    lines.append(_disk(plan, missing))
    return "\n".join(lines)


def _state(standing: Standing) -> str:
    if standing.record is None:
        return "to run"
    return "stale" if standing.record.stale else "there" if standing.record.done else "failed"


def _why(costs: Costs, missing: Sequence[Standing]) -> str:
    rates = [costs.rates(one.run.configuration.options()) for one in missing]
    known = [one.records for one in rates if one.records]
    if len(known) == len(rates):
        return f"by {max(known)} like runs in the store"
    return "by steps measured just now" if not known else "by like runs in the store, else by steps measured just now"


def _pictures(plan: Plan) -> tuple[dict[str, int], int, int]:
    """Training pictures of each data set that is there, val pictures, and training pictures of one that is not."""
    built = {one.key: card for one in plan.data if (card := read_built(plan.store, one.key))}
    train = {key: card.pictures["train"] for key, card in built.items()}
    if built:
        first = next(iter(built.values()))
        return train, first.pictures["val"], max(train.values())
    first_set = plan.data[0]
    if not first_set.command:
        split = read_split(first_set.folder)
        return {}, len(split.read("val")) if split.has("val") else 0, len(split.read("train"))
    files = sum(1 for path in first_set.input.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    said = plan.suite.source.split
    shares = [float(share) for share in (said if said != "keep" else "0.7,0.3").split(",")]
    return {}, round(files * shares[1]), round(files * shares[0])


def _disk(plan: Plan, missing: Sequence[Standing]) -> str:
    runs = sum(bytes_of(one.run.configuration) for one in missing)
    makes = [one for one in plan.data if one.command and not one.folder.is_dir()]
    data = sum(_size(plan.data[0]) for _ in makes)
    parts = [f"about {runs / 2**30:.1f} GB for the runs"]
    if makes:
        parts.append(f"{data / 2**30:.1f} GB and more for {len(makes)} data sets")
    return "disk: " + ", ".join(parts) + f", in {plan.store}"


def _size(one: DataSet) -> int:
    folder: Path = one.folder if one.folder.is_dir() else one.input
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
