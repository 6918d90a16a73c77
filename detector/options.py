"""All that decides a training run, in one place: names, groups, defaults, limits, and what each is for.

`Options` is a value; its fields are the command line's options (`arguments.py`), the keys of a `--config` file and of
a run's `args.yaml`. None and "auto" stand for what `settle.py` fills in. No heavy imports.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from detector.errors import UserError
from detector.loss_settings import BOX_FORMS, CLASS_WEIGHTS, OVER, LossSettings
from detector.setting import LOSS, MACHINE, MODEL, OPTIMISATION, OUTPUT, PICTURES, Setting, flag, setting

if TYPE_CHECKING:
    from detector.transfer import Transferring


@dataclass(frozen=True)
class Options:
    """Raises UserError for a value outside its limits."""

    data: str = setting(PICTURES, None, "Split: a folder with data.yaml, or the file. [newest of data/*]", str)
    img_size: int = setting(PICTURES, 416, "Side of the network's input, pixels.", low=32)

    model: str = setting(
        MODEL, "auto", "yolov3, yolov3-tiny, yolov3-tiny-3l or a .cfg; auto: yolov3-tiny on a CPU, else yolov3."
    )
    weights: str | None = setting(
        MODEL, None, "Start from Darknet .weights/.conv.N, or from a .pt. [from scratch]", str
    )
    transfer: str = setting(MODEL, "all", "What is taken of --weights.", words=("all", "backbone", "heads", "none"))
    fresh_heads: bool = setting(MODEL, False, "Output convolutions begin anew even where rows of theirs fit.")
    freeze: int | str = setting(
        MODEL, 0, "The first N layers stand still, or the backbone.", low=0, words=("backbone",)
    )
    unfreeze: str | None = setting(
        MODEL, None, "Epochs, from 0, at which frozen layers thaw, as 5 or 5,8,11: in as many parts. [never]", str
    )
    body_lr: float = setting(MODEL, 1.0, "Rate of the backbone, as a share of --lr.", low=0, high=10, open_low=True)
    freeze_norm: bool = setting(MODEL, False, "The backbone's batch norm statistics stay as loaded.")

    epochs: int = setting(OPTIMISATION, 30, "Passes over the pictures.", low=1)
    batch: int | str = setting(
        OPTIMISATION, 8, "Pictures a pass of one device; auto: as many as fit, at most 64.", int, low=1, words=("auto",)
    )
    nominal_batch: int | None = setting(
        OPTIMISATION, None, "Pictures a step: gradients of several batches are gathered. [the batch]", int, low=1
    )
    optimizer: str = setting(OPTIMISATION, "sgd", "sgd (Nesterov) or adamw.", words=("sgd", "adamw"))
    lr: float | None = setting(
        OPTIMISATION, None, "Highest learning rate. [0.01; adamw 0.001]", float, low=0, open_low=True
    )
    momentum: float = setting(OPTIMISATION, 0.937, "Of SGD; the first beta of AdamW.", low=0, high=0.9999)
    weight_decay: float | None = setting(
        OPTIMISATION, None, "On convolution kernels only. [0.0005; adamw 0.05]", float, low=0
    )
    schedule: str = setting(
        OPTIMISATION,
        "cosine",
        "How the rate falls: cosine, linear, step (tenths, at 80 and 90 % of the run) or constant.",
        words=("cosine", "linear", "step", "constant"),
    )
    final_lr: float = setting(OPTIMISATION, 0.01, "Where cosine and linear end, as a share of --lr.", low=0, high=1)
    warm_up: int | None = setting(
        OPTIMISATION, None, "Steps over which the rate rises. [3 epochs or 500, at most a tenth of the run]", int, low=0
    )
    clip: float = setting(OPTIMISATION, 10.0, "Largest norm of a step's gradient; 0: any.", low=0)
    ema_decay: float = setting(
        OPTIMISATION,
        0.9998,
        "Longest memory of the running average that is judged and kept; 0: none.",
        low=0,
        high=0.99999,
    )
    patience: int = setting(OPTIMISATION, 0, "Stop after so many epochs without a better one; 0: never.", low=0)

    box_loss: str = setting(LOSS, "ciou", "Of boxes; yolov3: the original's squared error.", words=BOX_FORMS)
    box_gain: float = setting(LOSS, 5.0, "Weight of the box term.", low=0)
    objectness_gain: float = setting(LOSS, 1.0, "Weight of the objectness term.", low=0)
    class_gain: float = setting(LOSS, 1.0, "Weight of the class term.", low=0)
    positive_iou: float = setting(
        LOSS, 0.213, "Shape IoU above which further anchors answer for a truth; 1: the best alone.", low=0, high=1
    )
    ignore_iou: float = setting(
        LOSS, 0.7, 'IoU above which a predicted box near a truth is not told "nothing here".', low=0, high=1
    )
    ignore_share: float = setting(
        LOSS, 0.5, "Share of a predicted box in an ignore region from which on it is not either.", low=0, high=1
    )
    objectness_gamma: float = setting(LOSS, 0.0, "Of the focal loss on objectness; 0: cross entropy.", low=0)
    objectness_alpha: float | None = setting(
        LOSS, None, "Weight of what is there, 1 - it of what is not. [1 and 1]", float, low=0, high=1
    )
    class_gamma: float = setting(LOSS, 0.0, "Of the focal loss on classes.", low=0)
    class_alpha: float | None = setting(LOSS, None, "As --objectness-alpha. [1 and 1]", float, low=0, high=1)
    class_weights: str = setting(
        LOSS, "none", "Rare classes count more, by how many boxes they have.", words=CLASS_WEIGHTS
    )
    class_weights_beta: float = setting(LOSS, 0.999, "Of effective.", low=0, high=0.999999)
    label_smoothing: float = setting(LOSS, 0.0, "Share of a class target split between yes and no.", low=0, high=0.99)
    objectness_balance: str = setting(LOSS, "1,1,1", "Weights of the heads of stride 8, 16, and 32 and more.")
    objectness_over: str = setting(
        LOSS,
        "slots",
        "Objectness is divided by the slots that answer for a truth, or by each head's cells.",
        words=OVER,
    )

    device: str = setting(MACHINE, "auto", "cpu, cuda, cuda:1, mps, ...; auto: the best there is.")
    workers: int | None = setting(MACHINE, None, "Loader processes. [0 on a CPU, else up to 8]", int, low=0)
    seed: int = setting(MACHINE, 0, "Decides every random choice.", low=0)
    deterministic: bool = setting(MACHINE, False, "The same bits from the same device each time; slower on cuda.")
    amp: str = setting(
        MACHINE,
        "auto",
        "Half precision: off, bf16, fp16 (cuda only); auto: on cuda bf16, or fp16 where there is none.",
        words=("auto", "off", "bf16", "fp16"),
    )
    channels_last: str = setting(
        MACHINE, "auto", "Memory layout: on, off; auto: on for tiny on a CPU and for cuda.", words=("auto", "on", "off")
    )
    compile: bool = setting(MACHINE, False, "torch.compile the network first: a minute, then faster on cuda.")
    sync_bn: bool = setting(MACHINE, True, "Several cuda devices: batch norm over all of them.")

    out: str = setting(OUTPUT, "runs/train", "Where runs are numbered.")
    save_every: int = setting(OUTPUT, 0, "Keep epochs/NNN.pt every N epochs; 0: only best.pt and last.pt.", low=0)
    tensorboard: bool = setting(OUTPUT, False, "Also write TensorBoard events; needs the extra [tensorboard].")

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            try:
                object.__setattr__(self, one.name, one.metadata["setting"].read(value))
            except ValueError as error:
                raise UserError(flag(one.name), repr(value), str(error)) from error
        _ = self.loss  # refuses what no single limit does

    @property
    def loss(self) -> LossSettings:
        return LossSettings(
            form=self.box_loss,
            box=self.box_gain,
            objectness=self.objectness_gain,
            classes=self.class_gain,
            positive=self.positive_iou,
            ignore=self.ignore_iou,
            region=self.ignore_share,
            objectness_gamma=self.objectness_gamma,
            objectness_alpha=self.objectness_alpha,
            classes_gamma=self.class_gamma,
            classes_alpha=self.class_alpha,
            class_weights=self.class_weights,
            beta=self.class_weights_beta,
            smoothing=self.label_smoothing,
            balance=_three(self.objectness_balance),
            objectness_over=self.objectness_over,
        )

    @property
    def transferring(self) -> Transferring:
        from detector.transfer import Transferring, read_epochs

        thaw = read_epochs(self.unfreeze or "")
        return Transferring(self.transfer, self.freeze, thaw, self.body_lr, self.freeze_norm, self.fresh_heads)


def _three(text: str) -> tuple[float, float, float]:
    try:
        a, b, c = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UserError("--objectness-balance", repr(text), "three numbers with commas, such as 4,1,0.4") from error
    return a, b, c


SETTINGS: dict[str, Setting] = {one.name: one.metadata["setting"] for one in fields(Options)}
DEFAULTS: dict[str, Any] = {one.name: one.default for one in fields(Options)}
