"""What the options leave open, filled in with a reason: network, anchors, half precision, rate, workers, batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from detector.data.loader import default_workers
from detector.data.split import Split
from detector.errors import RunError, UserError
from detector.network.anchors import choose, line
from detector.network.cfg import Cfg, own_cfgs
from detector.network.checkpoint import is_checkpoint, load
from detector.network.model import Darknet
from detector.shipped import named_model
from detector.training.device import choose_precision
from detector.training.memory import fitting_batch
from detector.training.optimise import DECAYS, RATES
from detector.training.options import Options
from detector.training.ranks import Ranks

SOURCE = "https://pjreddie.com/media/files/"


def settle(options: Options, ranks: Ranks, say: Callable[[str], None]) -> Options:
    """Everything but the batch, which needs the network."""
    device, kind = ranks.device, ranks.device.type
    model = options.model
    if model == "auto" and (of_weights := _network_of(options.weights)):
        model = of_weights
        say(f"model: {model} (that of --weights)")
    elif model == "auto":
        model = "yolov3-tiny" if kind == "cpu" else "yolov3"
        say(f"model: {model} ({'a CPU: the full yolov3 would take ten times as long' if kind == 'cpu' else device})")
    if options.weights is None:
        file = "darknet53.conv.74" if model == "yolov3" else "yolov3-tiny.weights"
        say(f"weights: none, from scratch; far better on few pictures: --weights {file}, from {SOURCE}{file}")
    amp = choose_precision(options.amp, device)
    if amp == "bf16" and kind == "cpu" and options.amp == "auto":
        say("precision: bf16, for which this processor has tiles; --amp off: all in float32, in twice the time")
    if ranks.size > 1:
        say(f"processes: {ranks.size}, each on its own {kind}")
    return replace(
        options,
        model=model,
        device=kind if ranks.size > 1 else str(device),
        workers=default_workers(device) if options.workers is None else options.workers,
        amp=amp,
        lr=RATES[options.optimizer] if options.lr is None else options.lr,
        weight_decay=DECAYS[options.optimizer] if options.weight_decay is None else options.weight_decay,
    )


def check_resumed(options: Options, ranks: Ranks, folder: Path) -> None:
    """A run goes on in no other precision. Raises RunError where this machine does not compute in its own."""
    try:
        choose_precision(options.amp, ranks.device)
    except UserError as error:
        remedy = f"go on where it began, or anew: detector train --amp off --weights {folder / 'best.pt'}"
        what = f"in {options.amp}, which the {ranks.device.type} here does not compute in"
        raise RunError(folder, what, "", remedy) from error


def _network_of(weights: str | None) -> str | None:
    """The one of our networks that a `.pt` holds."""
    path = named_model(Path(weights)) if weights else None
    name = load(path).model if path and is_checkpoint(path) else None
    return name if name in own_cfgs() else None


def settle_anchors(options: Options, split: Split, cfg: Cfg, ranks: Ranks, say: Callable[[str], None]) -> Options:
    """The anchors as pairs of sides at this input size, where any are asked for; the same for every process."""
    if options.anchors is None:
        return options
    skip, found = options.on_error == "skip", None
    if ranks.first:
        found = choose(options.anchors, split, cfg, options.img_size, options.seed, skip)
    text = ranks.shared(line(found.anchors_wh) if found else None)
    if found:
        say(f"anchors: {text} (average IoU with the training boxes {found.average:.3f})")
    return replace(options, anchors=text)


def settle_batch(options: Options, model: Darknet, ranks: Ranks, say: Callable[[str], None]) -> Options:
    """The batch that fits, where that was asked for; the same for every process."""
    if options.batch != "auto":
        return options
    side = round(options.img_size * (1 + options.multi_scale))
    side -= side % max(model.strides)
    found = fitting_batch(model.to(ranks.device), side, options.amp) if ranks.first else 0
    batch = ranks.shared(found) * ranks.size
    say(f"batch: {batch} fit into memory at {side} px, {batch // ranks.size} a device")
    return replace(options, batch=batch)
