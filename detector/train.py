"""Train a detector: one readable loop. `train` begins a run, `resume` takes one up again.

    detector train                                      # newest split, model by device, from scratch
    detector train --weights yolov3-tiny.weights        # from COCO's weights: far better
    detector train --resume                             # after a kill or Ctrl-C

Every random choice is a function of (seed, epoch, index), so a run that was stopped anywhere goes on, on a CPU with
the same number of threads, to the very bits of one that was not. A run's folder is described in `record.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from detector import checkpoint, optimise, transfer
from detector.augment import Augmentation
from detector.average_precision import Found
from detector.cfg import Cfg, parse_cfg, read_cfg, shapes
from detector.data import Order, Pictures, default_workers, loader
from detector.errors import DataError, RunError, TrainingError, UserError
from detector.evaluate import Scores, evaluate
from detector.inference import Thresholds
from detector.interrupt import stop_between_steps
from detector.loss import loss
from detector.model import Darknet, initialise
from detector.record import Record, row
from detector.runs import new_folder
from detector.split import Split, read_split

CLIP = 10.0  # largest norm of a step's gradient
LEARNING_RATE = 0.01
SOURCE = "https://pjreddie.com/media/files/"


@dataclass(frozen=True)
class Options:
    """All that decides a run's result, apart from the machine. "auto" and -1 are chosen by `settle`."""

    data: str
    out: str = "runs/train"
    model: str = "auto"
    weights: str | None = None
    device: str = "auto"
    epochs: int = 30
    batch: int = 8
    img_size: int = 416
    lr: float = LEARNING_RATE
    workers: int = -1
    seed: int = 0


@dataclass
class Progress:
    """Where a run is: `step` of `epoch` comes next. sums: (3,) loss terms x pictures so far in this epoch."""

    epoch: int
    step: int
    sums: torch.Tensor
    seen: int
    history: list[dict[str, Any]]
    best: float


def settle(options: Options, say: Callable[[str], None]) -> Options:
    """Fill in what was left open, and say why."""
    device = str(choose_device(options.device))
    model = options.model
    if model == "auto":
        model = "yolov3-tiny" if device == "cpu" else "yolov3"
        say(f"model: {model} ({'a CPU: the full yolov3 would take ten times as long' if device == 'cpu' else device})")
    if options.weights is None:
        file = "darknet53.conv.74" if model == "yolov3" else "yolov3-tiny.weights"
        say(f"weights: none, from scratch; far better on few pictures: --weights {file}, from {SOURCE}{file}")
    workers = default_workers(torch.device(device)) if options.workers < 0 else options.workers
    return replace(options, device=device, model=model, workers=workers)


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; of "auto" cuda, mps or cpu, the first that is there. Raises UserError if absent."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, present in there.items() if present))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError("--device", repr(name), "cpu, cuda, cuda:0, mps, ...") from error
    beyond = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if beyond or not there.get(device.type, True):
        raise UserError("--device", f"{name} is not there", f"one of {', '.join(k for k, is_ in there.items() if is_)}")
    return device


def train(options: Options, quiet: bool = False) -> Path:
    """Begin a run and carry it to its end; returns its folder. Raises UserError, and KeyboardInterrupt once saved."""
    say = _say(quiet)
    split = read_split(Path(options.data))
    options = settle(options, say)
    cfg = read_cfg(options.model).adapt(len(split.classes))
    check_size(cfg, options.img_size)
    model = Darknet(cfg)
    initialise(model, torch.Generator().manual_seed(options.seed))
    if options.weights:
        say(f"weights: {options.weights}: {transfer.start(model, split.classes, Path(options.weights))}")
    data = _data(split, options, say)
    folder = new_folder(Path(options.out))
    record = Record(folder, asdict(options), data.classes)
    say(f"run: {folder}")
    start = Progress(0, 0, torch.zeros(3), 0, [], -1.0)
    return _loop(model, options, data, record, start, {}, quiet)


def resume(folder: Path, quiet: bool = False) -> Path:
    """Carry a stopped run to its end, with the options it began with."""
    found = checkpoint.load(folder / "last.pt")
    state = {**found.state, "average": found.weights}
    if not found.state:
        raise RunError(folder / "last.pt", "holds no state to resume from", "a run's own last.pt")
    known = {field.name for field in fields(Options)}
    options = Options(**{name: value for name, value in state["options"].items() if name in known})
    progress = Progress(**state["progress"])
    if progress.epoch >= options.epochs:
        raise RunError(
            folder,
            f"finished already, all {options.epochs} epochs",
            "a stopped run",
            f"to go on from it: detector train --weights {folder / 'best.pt'}",
        )
    say = _say(quiet)
    say(f"resume: {folder}, epoch {progress.epoch + 1} of {options.epochs}, batch {progress.step + 1}")
    data = _data(read_split(Path(options.data)), options, say)
    if data.classes != found.classes:
        raise DataError(options.data, f"classes {', '.join(data.classes)}", f"the run's: {', '.join(found.classes)}")
    if len(data.train) != state["pictures"]:
        raise DataError(
            options.data, f"{len(data.train)} training pictures", f"the run's {state['pictures']}", "begin anew"
        )
    model = Darknet(parse_cfg(found.cfg, found.model).adapt(len(found.classes)))
    record = Record(folder, asdict(options), found.classes)
    return _loop(model, options, data, record, progress, state, quiet)


def _loop(
    model: Darknet, options: Options, data: Data, record: Record, at: Progress, state: dict[str, Any], quiet: bool
) -> Path:
    device = torch.device(options.device)
    # Channels-last is a sixth faster for tiny on a CPU, and slower for the full network.
    layout = torch.channels_last if device.type == "cpu" and len(model.convolutions) < 20 else torch.contiguous_format
    model.to(device).to(memory_format=layout)  # type: ignore[call-overload]  # torch accepts it
    order = Order(len(data.train), options.batch, options.seed)
    steps = len(order) * options.epochs
    warm_up = optimise.warm_up_steps(len(order), options.epochs)
    optimizer = optimise.optimiser(model)
    average = optimise.Average(model, steps)
    if state:
        model.load_state_dict(state["raw"])
        average.model.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
    batches = loader(data.train, order, options.workers)

    def save(name: str, resumable: bool) -> None:
        kept = {
            "options": asdict(options),
            "progress": vars(at),
            "pictures": len(data.train),
            "raw": model.state_dict(),
            "optimizer": optimizer.state_dict(),
        }
        checkpoint.save(
            checkpoint.Checkpoint(
                model.cfg.name,
                model.cfg.text,
                data.classes,
                options.img_size,
                average.model.state_dict(),
                kept if resumable else {},
            ),
            record.folder / name,
        )

    def judge(lr: float | None, began: float = 0.0) -> None:
        """Score the averaged weights, note them in the history, keep them if they are the best so far."""
        scores: Scores | None = None
        found: list[Found] = []
        if data.val is not None:
            scores, found = evaluate(
                average.model, data.val, data.classes, Thresholds(), options.batch, options.workers, quiet
            )
        terms = (at.sums / at.seen).tolist() if at.seen else None
        at.history.append(row(at.epoch, lr, terms, scores, data.classes))
        at.step, at.seen, at.sums = 0, 0, torch.zeros(3)
        # The record first: a kill before last.pt repeats the epoch, and writes it again.
        record.write(at.history, data.val, found)
        value = (scores.map50 or 0.0) if scores else float(at.epoch)
        if value > at.best:
            at.best = value
            save("best.pt", resumable=False)
        save("last.pt", resumable=True)
        if not quiet:
            took = time.monotonic() - began if began else None
            print(record.line(at.history[-1], options.epochs, took), flush=True)

    with stop_between_steps() as stopped:
        if not at.history:
            judge(None)
        while at.epoch < options.epochs:
            model.train()
            began = time.monotonic()
            order.epoch, order.start = at.epoch, at.step
            bar = tqdm(
                batches,
                desc=f"epoch {at.epoch + 1}/{options.epochs}",
                total=len(order),
                initial=at.step,
                unit="batch",
                disable=quiet,
                leave=False,
            )
            for batch in bar:
                step = at.epoch * len(order) + at.step
                lr = options.lr * optimise.rate(step, steps, warm_up)
                optimise.set_rate(optimizer, lr)
                heads = model(batch.floats(device, layout))
                terms = loss(heads, batch.truths.to(device), model.anchors_wh, model.strides)
                if not torch.isfinite(terms.total):
                    raise TrainingError(
                        f"epoch {at.epoch + 1}, batch {at.step + 1}",
                        f"the loss is {terms.total}",
                        "a finite one",
                        f"try a lower --lr; pictures: {', '.join(batch.names)}",
                    )
                optimizer.zero_grad(set_to_none=True)
                terms.total.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
                optimizer.step()
                average.update(model, step + 1)
                at.sums = at.sums + terms.values().cpu() * len(batch.names)
                at.seen += len(batch.names)
                at.step += 1
                if not quiet:
                    mean = (at.sums / at.seen).tolist()
                    bar.set_postfix_str(f"box {mean[0]:.2f} obj {mean[1]:.2f} cls {mean[2]:.2f}", refresh=False)
                if stopped() and at.step < len(order):
                    save("last.pt", resumable=True)
                    raise KeyboardInterrupt(f"saved {record.folder}; `detector train --resume` goes on")
            at.epoch += 1
            judge(lr, began)
            if stopped() and at.epoch < options.epochs:
                raise KeyboardInterrupt(f"saved {record.folder}; `detector train --resume` goes on")
    return record.folder


@dataclass(frozen=True)
class Data:
    """The pictures of a run; val is None where the split has none."""

    classes: tuple[str, ...]
    train: Pictures
    val: Pictures | None


def _data(split: Split, options: Options, say: Callable[[str], None]) -> Data:
    train = Pictures(split.read("train"), options.img_size, options.seed, Augmentation())
    val = Pictures(split.read("val"), options.img_size) if split.has("val") else None
    boxes = sum(len(one.classes) for one in train.labelled)
    if not boxes:
        raise DataError(split.path, "the training pictures hold no box at all", "labels", "check labels/train")
    say(
        f"pictures: {len(train)} to train on ({boxes} boxes, {train.cached} kept in memory), "
        f"{len(val) if val else 'none'} to validate on"
    )
    return Data(split.classes, train, val)


def check_size(cfg: Cfg, img_size: int) -> None:
    """Raises UserError unless the network's cells fill a square of `img_size`."""
    stride = max(stride for _, stride in shapes(cfg))
    if img_size < stride or img_size % stride:
        raise UserError("--img-size", str(img_size), f"a multiple of {stride}, the network's stride")


def _say(quiet: bool) -> Callable[[str], None]:
    return lambda line: None if quiet else print(line, file=sys.stderr, flush=True)
