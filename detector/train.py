"""Train a detector: one readable loop, `_loop`. `train` begins a run, `resume` takes one up again.

    detector train                                      # newest split, model by device, from scratch
    detector train --weights yolov3-tiny.weights        # from COCO's weights: far better
    detector train --resume                             # after a kill or Ctrl-C

Every random choice is a function of (seed, epoch, index), so a run that was stopped anywhere goes on, on a CPU with
the same number of threads, to the very bits of one that was not. A run's folder is described in `record.py`, what
moves in a step in `learner.py`, several devices in `ranks.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from detector.data.loader import Batch, loader
from detector.data.split import read_split
from detector.errors import DataError, RunError
from detector.loss.terms import loss
from detector.network import checkpoint, transfer
from detector.network.anchors import parse
from detector.network.cfg import check_size, parse_cfg, read_cfg
from detector.network.model import Darknet, initialise
from detector.runs import new_folder
from detector.shipped import named_model
from detector.training.board import Board
from detector.training.device import be_deterministic
from detector.training.feed import Feed, read_feed
from detector.training.interrupt import stop_between_steps
from detector.training.learner import Learner
from detector.training.memory import explained
from detector.training.options import DEFAULTS, Options
from detector.training.progress import Progress
from detector.training.ranks import Ranks, join
from detector.training.record import Record, row
from detector.training.settle import check_resumed, settle, settle_anchors, settle_batch
from detector.training.validate import validate

__all__ = ["Options", "resume", "train"]


@dataclass(frozen=True)
class Run:
    """A run under way. Only `learner` and `at` change. gathered: batches that make a step, of one process."""

    options: Options
    ranks: Ranks
    feed: Feed
    learner: Learner
    record: Record
    at: Progress
    gathered: int
    quiet: bool
    board: Board | None = None

    @property
    def batches(self) -> int:
        """In an epoch, of one process."""
        return len(self.feed.order)

    @property
    def steps(self) -> int:
        """In an epoch: its last step may gather fewer batches."""
        return -(-self.batches // self.gathered)


def train(options: Options, quiet: bool = False) -> Path:
    """Begin a run and carry it to its end; returns its folder. Raises UserError, and KeyboardInterrupt once saved."""
    with join(options.device) as ranks:
        say = _say(quiet or not ranks.first)
        split = read_split(Path(options.data))
        options = settle(options, ranks, say)
        cfg = read_cfg(options.model)
        check_size(cfg, options.img_size)
        options = settle_anchors(options, split, cfg, ranks, say)
        cfg = cfg.adapt(len(split.classes), parse(options.anchors) if options.anchors else None)
        model = Darknet(cfg)
        initialise(model, torch.Generator().manual_seed(options.seed))
        weights = named_model(Path(options.weights)) if options.weights else None
        if weights:
            taken = transfer.start(model, split.classes, weights, options.transferring)
            say(f"weights: {options.weights}: {taken}")
        transfer.check(model, options.transferring, weights)
        options = settle_batch(options, model, ranks, say)
        feed = read_feed(split, options, max(model.strides), ranks, say)
        folder = ranks.shared(new_folder(Path(options.out)) if ranks.first else Path())
        say(f"run: {folder}")
        run = _run(model, options, ranks, feed, folder, Progress(), quiet)
        run.record.show_first(feed, model)
        return _loop(run)


def resume(folder: Path, quiet: bool = False) -> Path:
    """Carry a stopped run to its end, with the options it began with."""
    found = checkpoint.load(folder / "last.pt")
    state = found.state
    if not state:
        raise RunError(folder / "last.pt", "holds no state to resume from", "a run's own last.pt")
    if set(state["progress"]) != set(vars(Progress())):
        remedy = f"begin anew: detector train --weights {folder / 'best.pt'}"
        raise RunError(folder / "last.pt", "was saved by another version", "this one's", remedy)
    options = Options(**{name: value for name, value in state["options"].items() if name in DEFAULTS})
    at = Progress(**state["progress"])
    if reason := at.over(options):
        remedy = f"to go on from it: detector train --weights {folder / 'best.pt'}"
        raise RunError(folder, f"finished already, {reason}", "a stopped run", remedy)
    with join(options.device) as ranks:
        check_resumed(options, ranks, folder)
        say = _say(quiet or not ranks.first)
        say(f"resume: {folder}, epoch {at.epoch + 1} of {options.epochs}, batch {at.step + 1}")
        model = Darknet(parse_cfg(found.cfg, found.model).adapt(len(found.classes)))
        feed = read_feed(read_split(Path(options.data)), options, max(model.strides), ranks, say)
        _check_same(options.data, "classes", ", ".join(feed.classes), ", ".join(found.classes))
        _check_same(options.data, "training pictures", len(feed.train), state["pictures"])
        _check_same("torchrun", "processes", ranks.size, state["processes"])
        run = _run(model, options, ranks, feed, folder, at, quiet)
        run.learner.restore(state, found.weights)
        return _loop(run)


def _check_same(where: str, what: str, now: object, then: object) -> None:
    """Raises DataError unless a resumed run finds what it left."""
    if now != then:
        raise DataError(where, f"{what}: {now}", f"the run's {then}", "put it back, or begin anew")


def _run(model: Darknet, options: Options, ranks: Ranks, feed: Feed, folder: Path, at: Progress, quiet: bool) -> Run:
    be_deterministic(options.deterministic)
    gathered = max(1, round((options.nominal_batch or 0) / int(options.batch)))
    learner = Learner(model, options, -(-len(feed.order) // gathered), ranks)
    record = Record(folder, asdict(options), feed.classes, ranks.first)
    if not ranks.first:
        at.sums, at.slots = [0.0] * 3, 0.0  # rank 0's are everyone's
    board = Board(folder, len(at.history)) if options.tensorboard and ranks.first else None
    return Run(options, ranks, feed, learner, record, at, gathered, quiet or not ranks.first, board)


def _loop(run: Run) -> Path:
    """Epochs of batches. `gathered` batches make a step; a run stops between steps and is judged between epochs."""
    options, learner, order, at = run.options, run.learner, run.feed.order, run.at
    model, how, weights = learner.model, options.loss, run.feed.class_weights
    batches = loader(run.feed.train, order, options.workers or 0)
    with stop_between_steps() as asked, explained(model, int(options.batch), options.img_size, options.amp):
        if not at.history:
            _judge(run)
        while not at.over(options):
            learner.begin(at.epoch)
            began = time.monotonic()
            order.epoch, order.start = at.epoch, at.step
            for batch in _shown(batches, run):
                last = (at.step + 1) % run.gathered == 0 or at.step + 1 == run.batches
                with learner.gathering(last):
                    heads = learner.heads(batch)
                    truths = batch.truths.to(learner.device)
                    regions, strides = batch.regions.to(learner.device), model.strides
                    terms = loss(heads, truths, model.anchors_wh, strides, how, regions=regions, weights=weights)
                    learner.backward(terms)
                at.count(terms, batch)
                if last:
                    at.rate = learner.step(at.epoch * run.steps + (at.step - 1) // run.gathered)
                    if at.step < run.batches and run.ranks.any(asked()):
                        _stop(run)
            at.epoch += 1
            _judge(run, began)
            if not at.over(options) and run.ranks.any(asked()):
                _stop(run, saved=True)
    return run.record.folder


def _judge(run: Run, began: float | None = None) -> None:
    """Score the averaged weights, note them in the history, keep them if they are the best so far. On rank 0.

    An epoch that is not to be judged is noted alone, and kept as the best as long as none has been judged.
    """
    options, at = run.options, run.at
    at.gather(run.ranks)
    if run.ranks.first:
        average, judged = run.learner.average.model, options.judges(at.epoch)
        val = run.feed.val if judged else None
        verdict = validate(average, val, run.feed.classes, options, run.quiet)
        line = row(at, verdict, run.feed.classes)
        better = at.close_epoch(line, verdict.value(at.epoch) if judged else None)
        # The record first: a kill before last.pt repeats the epoch, and writes it again.
        run.record.write(at.history, val, verdict.found)
        if better and at.epoch and val is not None:
            run.record.show_best(val, verdict.found)
        if run.board is not None:
            run.board.write(line)
        kept = (["best.pt"] if better else []) + run.record.numbered(at.epoch, options.save_every)
        for name in kept:
            checkpoint.save(_checkpoint(run, resumable=False), run.record.folder / name)
        checkpoint.save(_checkpoint(run, resumable=True), run.record.folder / "last.pt")
        if not run.quiet:
            took = None if began is None else time.monotonic() - began
            print(run.record.line(line, options.epochs, took), flush=True)
    at.follow(run.ranks)


def _checkpoint(run: Run, resumable: bool) -> checkpoint.Checkpoint:
    model, average = run.learner.model, run.learner.average.model
    state = {
        "options": asdict(run.options),
        "progress": run.at.state(),
        "pictures": len(run.feed.train),
        "processes": run.ranks.size,
        **run.learner.state(),
    }
    return checkpoint.Checkpoint(
        model.cfg.name,
        model.cfg.text,
        run.feed.classes,
        run.options.img_size,
        average.state_dict(),
        state if resumable else {},
    )


def _stop(run: Run, saved: bool = False) -> None:
    """Save, unless the judge just has, and leave. Raises KeyboardInterrupt."""
    run.at.gather(run.ranks)
    if run.ranks.first and not saved:
        checkpoint.save(_checkpoint(run, resumable=True), run.record.folder / "last.pt")
    run.ranks.shared(None)  # nobody leaves before it is saved
    raise KeyboardInterrupt(f"saved {run.record.folder}; `detector train --resume` goes on")


def _shown(batches: Iterable[Batch], run: Run) -> Iterator[Batch]:
    """The rest of an epoch's batches, behind a progress bar that shows the mean terms."""
    at, title = run.at, f"epoch {run.at.epoch + 1}/{run.options.epochs}"
    with tqdm(
        desc=title, total=run.batches, initial=at.step, unit="batch", disable=run.quiet or None, leave=False
    ) as bar:
        for batch in batches:
            yield batch
            bar.update()
            if at.means:
                box, objectness, classes = at.means
                bar.set_postfix_str(f"box {box:.2f} obj {objectness:.2f} cls {classes:.2f}", refresh=False)


def _say(quiet: bool) -> Callable[[str], None]:
    return lambda line: None if quiet else print(line, file=sys.stderr, flush=True)
