"""What a suite will cost, before it runs: hours and disk.

Seconds a picture come from the store's records of like runs on a like machine (network, size, frozen layers, batch,
precision, threads), the median; where there are none, from three training steps and two forward passes measured now,
on noise. Starting and drawing is added as a constant. A machine that is busy is slower than either says.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from detector.detecting.inference import as_runtime
from detector.experiments.plan import Run
from detector.experiments.records import Record
from detector.experiments.running import said_machine
from detector.experiments.suite import Configuration
from detector.network import transfer
from detector.network.cfg import read_cfg
from detector.network.info import summarise
from detector.network.model import Darknet, initialise
from detector.training.device import autocast, choose_layout, choose_precision
from detector.training.options import Options

START = 12.0  # seconds of a run before its first step and after its last: imports, pictures, drawings
STEPS, PASSES = 3, 2
ALIKE = ("model", "img_size", "freeze", "unfreeze", "batch", "amp", "compile")


@dataclass(frozen=True)
class Rates:
    """Seconds a picture, of training and of judging. records: how many runs say so; 0: measured."""

    train: float
    judge: float
    records: int = 0


def shown(options: Options, pictures: int) -> int:
    """Pictures that a run of so many training pictures shows."""
    return options.epochs * (options.epoch_size or pictures)


def judged(options: Options) -> int:
    """How often a run judges itself under way."""
    return sum(options.judges(epoch) for epoch in range(options.epochs + 1))


class Costs:
    """Estimates for runs on `device` in `threads`; each kind of run is looked up or measured once."""

    def __init__(self, records: Sequence[Record], device: str, threads: int) -> None:
        self._records = [one for one in records if one.done and {"train", "evaluate"} <= set(one.seconds)]
        self._device, self._threads = torch.device(device), threads
        self._known: dict[tuple[object, ...], Rates] = {}

    def rates(self, options: Options) -> Rates:
        kind = tuple(getattr(options, name) for name in ALIKE)
        if kind not in self._known:
            self._known[kind] = self._recorded(options) or measure(options, self._device, self._threads)
        return self._known[kind]

    def seconds(self, run: Run, train: int, val: int) -> float:
        """Of a run with so many pictures to train and to judge on."""
        options = run.configuration.options()
        rates = self.rates(options)
        passes = 1 if rates.records else 1 + judged(options)  # a record's training holds its own judging
        return START + rates.train * shown(options, train) + rates.judge * val * passes

    def _recorded(self, options: Options) -> Rates | None:
        machine = said_machine(str(self._device), self._threads, choose_precision(options.amp, self._device))
        train, judge = [], []
        for one in self._records:
            other = Configuration("", "", one.train).options()
            if one.machine == machine and all(getattr(other, name) == getattr(options, name) for name in ALIKE):
                train.append(max(0.0, one.seconds["train"] - START) / shown(other, one.data["pictures"]["train"]))
                judge.append(one.seconds["evaluate"] / one.data["pictures"]["val"])
        return Rates(median(train), median(judge), len(train)) if train else None


def measure(options: Options, device: torch.device, threads: int) -> Rates:
    """Time a few steps on noise."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        batch = 8 if options.batch == "auto" else int(options.batch)
        model = _network(options, device)
        layout = choose_layout(options.channels_last, device, model)
        model.to(memory_format=layout)  # type: ignore[call-overload]
        noise = torch.rand(batch, 3, options.img_size, options.img_size, device=device).to(memory_format=layout)
        precision = choose_precision(options.amp, device)

        def step() -> None:
            with autocast(precision, device):
                heads = model(noise)
            torch.stack([head.float().square().mean() for head in heads]).sum().backward()

        train = _timed(step, STEPS, device)
        run = as_runtime(model)
        with torch.inference_mode():
            judge = _timed(lambda: run(noise), PASSES, device)
        return Rates(train / batch, judge / batch)
    finally:
        torch.set_num_threads(before)


def _network(options: Options, device: torch.device) -> Darknet:
    name = options.model if options.model != "auto" else "yolov3-tiny" if device.type == "cpu" else "yolov3"
    model = Darknet(read_cfg(name))
    initialise(model, torch.Generator().manual_seed(0))
    transfer.apply_freeze(model, options.transferring, 0)
    return model.to(device).train()


def _timed(work: object, times: int, device: torch.device) -> float:
    """Seconds of one call, after one that does not count."""
    taken = []
    for _ in range(1 + times):
        began = time.perf_counter()
        work()  # type: ignore[operator]
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - began)
    return median(taken[1:])


def bytes_of(configuration: Configuration) -> int:
    """What a finished run keeps: best.pt, last.pt, and some megabytes of figures and findings."""
    options = configuration.options()
    cfg = read_cfg(options.model if options.model != "auto" else "yolov3-tiny")
    return 2 * 4 * summarise(cfg).parameters + 4 * 2**20
