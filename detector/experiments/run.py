"""A suite from end to end: read, planned, then told (`--dry-run`), or carried out and reported."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tqdm import tqdm

from detector.errors import SuiteError, UserError
from detector.experiments.building import Built, build, check_val
from detector.experiments.code import Code, keep_copy, present_code
from detector.experiments.fingerprints import fingerprint
from detector.experiments.forecast import forecast
from detector.experiments.judge import Val
from detector.experiments.places import nearest
from detector.experiments.plan import Plan, make_plan
from detector.experiments.queueing import Shown, work
from detector.experiments.reading import read_suite
from detector.experiments.records import Found, Record, read_found, write_record
from detector.experiments.report.write import write_report
from detector.experiments.running import Bench, make_record
from detector.experiments.store import Standing, locked, run_folder, standings
from detector.experiments.suite import Suite
from detector.experiments.table import scores, table
from detector.experiments.workers import Children
from detector.network.cfg import check_size, read_cfg
from detector.training.device import choose_device, choose_precision


@dataclass(frozen=True)
class Asked:
    """The command's options. settings: options of training that win over the suite's.  workers: 0 for the default."""

    out: Path = Path("runs/experiments")
    workers: int = 0
    only: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    keep_stale: bool = False
    dry_run: bool = False
    report_only: bool = False
    device: str | None = None
    quiet: bool = False


@dataclass(frozen=True)
class Outcome:
    """text: for stdout.  failed: a line for each run that failed."""

    text: str
    failed: tuple[str, ...] = ()


def run_suite(path: Path, asked: Asked) -> Outcome:
    """Raises UserError, and KeyboardInterrupt once all is saved."""
    suite = read_suite(path, asked.settings)
    _check_choice(suite, asked)
    _check_files(suite, asked)
    devices = _devices(asked.device)
    workers = asked.workers or (len(devices) if devices[0].startswith("cuda") else max(1, _cores() // 2))
    children = Children(max(1, _cores() // workers))
    code = present_code()
    plan = _planned(suite, asked, code, asked.only, asked.seeds)
    if asked.dry_run:
        return Outcome(forecast(plan, standings(plan, asked.keep_stale), workers, devices[0], children.threads))
    if not asked.report_only:
        with locked(plan.store) as keep:
            children.keep = keep
            children.root, code = keep_copy(plan.store)
            plan = _planned(suite, asked, code, asked.only, asked.seeds)
            try:
                _carry_out(plan, standings(plan, asked.keep_stale), children, devices, workers, asked.quiet)
            except KeyboardInterrupt as stop:
                children.stop()
                raise KeyboardInterrupt("what is done is kept, and the same command goes on") from stop
    failed = [one for one in standings(plan, asked.keep_stale) if one.record is not None and not one.there]
    text = _reported(_planned(suite, asked, code), asked)
    return Outcome(text, tuple(f"{one.run.title}: {one.record.error}" for one in failed if one.record))


def _planned(suite: Suite, asked: Asked, code: Code, only: Sequence[str] = (), seeds: Sequence[int] = ()) -> Plan:
    return make_plan(suite, asked.out.absolute(), code, fingerprint, only, seeds)


def _carry_out(
    plan: Plan, found: Sequence[Standing], children: Children, devices: tuple[str, ...], workers: int, quiet: bool
) -> None:
    """Make what data sets are needed, then run what is not there."""
    missing = [one.run for one in found if not one.there]
    if not missing:
        return
    with Shown(len(found), len(found) - len(missing), quiet) as shown:
        built, broken = _build(plan, {run.data.key for run in missing}, children, shown)
        check_val(list(built.values()))
        ready = [run for run in missing if run.data.key in built]
        if built:
            val = Val(Path(next(iter(built.values())).folder))
            bench = Bench(plan.store, plan.code, children, val, devices)
        for run in missing:
            if run.data.key in broken:
                nothing = Built(
                    run.data.key, "", run.data.commands, {"train": {}, "val": {}}, {"train": 0, "val": 0}, "", 0
                )
                record = make_record(run, nothing.as_record(run.configuration.data), plan.code, broken[run.data.key])
                folder = run_folder(plan.store, run.key)
                folder.mkdir(parents=True, exist_ok=True)
                write_record(record, folder)
                shown.tell(record, None)
        if ready:
            work(ready, built, bench, workers, shown)


def _build(plan: Plan, wanted: set[str], children: Children, shown: Shown) -> tuple[dict[str, Built], dict[str, str]]:
    """The wanted data sets, and why others cannot be had. Each is made from one that stands before it."""
    by_folder = {one.folder: one for one in plan.data}
    needed: set[str] = set()
    for key in wanted:
        one = next(data for data in plan.data if data.key == key)
        while one.key not in needed:
            needed.add(one.key)
            one = by_folder.get(one.input, one)
    built: dict[str, Built] = {}
    broken: dict[str, str] = {}
    for one in plan.data:
        if one.key not in needed:
            continue
        before = by_folder.get(one.input, one)
        if before.key in broken:
            broken[one.key] = broken[before.key]
            continue
        try:
            if one.command and not one.folder.is_dir():
                shown.say(f"data: {' '.join(one.command[:2])} -> {one.folder}")
            built[one.key] = build(one, plan.store, children)
        except UserError as error:
            broken[one.key] = str(error)
    return built, broken


def _reported(plan: Plan, asked: Asked) -> str:
    """Write the report of all runs of the suite that are there; the table, and what was written."""
    found = [one.record for one in standings(plan, asked.keep_stale) if one.record is not None]
    over = [(one, read_found(run_folder(plan.store, one.key)) if one.done else None) for one in found]
    finished = [(record, one) for record, one in over if one is not None]
    if not over:
        remedy = "run the suite without --report-only" + ("" if asked.keep_stale else ", or take --keep-stale")
        raise SuiteError(plan.store, "no finished run of this suite by this code", "", remedy)
    if not finished:
        return f"no run of {len(plan.runs)} is done"
    _check_same(finished, plan)
    with tqdm(total=0, bar_format="{desc}", disable=asked.quiet or None, leave=False) as line:
        written = write_report(plan.suite, over, plan.store / plan.suite.name, line.set_description_str)
    text = table(plan.suite, [(record, scores(one)) for record, one in finished])
    stale = sum(record.stale for record, _ in finished)
    count = f"{len(finished)} of {len(plan.runs)} runs are done" + (f", {stale} of them by other code" if stale else "")
    return "\n".join([text, count, *map(str, written)])


def _check_same(finished: Sequence[tuple[Record, Found]], plan: Plan) -> None:
    """Raises SuiteError unless all runs were judged on the same pictures, with the same truths, in the same order."""
    first = _truths(finished[0][1]) if finished else None
    for record, found in finished:
        if _truths(found) != first:
            where = run_folder(plan.store, record.key)
            raise SuiteError(
                where, "was judged on other val pictures or boxes than the first run", "", f"delete {where}"
            )


def _truths(found: Found) -> list[object]:
    return [(one.path.name, one.size_wh, one.truth.classes.tolist(), one.truth.xyxy.tolist()) for one in found.pictures]


def _check_choice(suite: Suite, asked: Asked) -> None:
    names = [run.name for run in suite.runs]
    for name in asked.only:
        if name not in names:
            raise SuiteError("--only", f"{name!r}: no such run", nearest(name, names), f"there are {', '.join(names)}")
    for seed in asked.seeds:
        if seed not in suite.seeds:
            raise SuiteError("--seeds", str(seed), f"of the suite's: {', '.join(map(str, suite.seeds))}")


def _check_files(suite: Suite, asked: Asked) -> None:
    """Raises UserError where a network or weights are not there, or cannot be used so, before anything is spent."""
    if asked.out.exists() and not asked.out.is_dir():
        raise SuiteError(asked.out, "is a file", "a folder for the store", "give another --out")
    device = choose_device(asked.device or "auto")
    for run in suite.runs:
        options = run.options()
        choose_precision(options.amp, device)
        check_size(read_cfg("yolov3" if options.model == "auto" else options.model), options.img_size)
        weights = run.train.get("weights")
        if weights and not Path(weights).is_file():
            remedy = f"give --set weights=PATH; {Path(weights).name} may be at https://pjreddie.com/media/files/"
            raise SuiteError(weights, f"no such file, weights of {run.name}", "a file, from the working folder", remedy)


def _devices(name: str | None) -> tuple[str, ...]:
    """Where runs are computed: `name`, or every cuda device there is, or what is there instead."""
    if not name and torch.cuda.device_count() > 1:
        return tuple(f"cuda:{i}" for i in range(torch.cuda.device_count()))
    return (str(choose_device(name or "auto")),)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
