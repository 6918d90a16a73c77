"""All that decides a training run, in one place: names, groups, defaults, limits, and what each is for.

`Options` is a value; its fields are the command line's options (`arguments.py`), the keys of a `--config` file and of
a run's `args.yaml`. None and "auto" stand for what `settle.py` fills in. No heavy imports.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from detector.errors import UserError
from detector.training.options_data import DataOptions
from detector.training.options_loss import LossOptions
from detector.training.setting import MACHINE, MODEL, OPTIMISATION, OUTPUT, Setting, flag, setting

if TYPE_CHECKING:
    from detector.network.transfer import Transferring


@dataclass(frozen=True)
class ModelOptions:
    model: str = setting(
        MODEL, "auto", "A name that `detector info` lists, or a .cfg; auto: that of a .pt in --weights, else by device."
    )
    anchors: str | None = setting(
        MODEL, None, "auto: fitted to the training boxes; or a file, or 8,9 15,16 ... [the model's own]", str
    )
    weights: str | None = setting(
        MODEL, None, "Start from Darknet .weights/.conv.N, a .pt, or shipped. [from scratch]", str
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

    @property
    def transferring(self) -> Transferring:
        from detector.network.transfer import Transferring, read_epochs

        thaw = read_epochs(self.unfreeze or "")
        return Transferring(self.transfer, self.freeze, thaw, self.body_lr, self.freeze_norm, self.fresh_heads)


@dataclass(frozen=True)
class OptimisationOptions:
    epochs: int = setting(OPTIMISATION, 30, "Passes over the pictures.", low=1)
    batch: int | str = setting(
        OPTIMISATION,
        8,
        "Pictures a pass, of all devices together; auto: as many as fit, at most 64 a device.",
        int,
        low=1,
        words=("auto",),
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
    judge_every: int | str = setting(
        OPTIMISATION,
        1,
        "Judge on val every N epochs and after the last; 0: only then; or never.",
        int,
        low=0,
        words=("never",),
    )
    patience: int = setting(OPTIMISATION, 0, "Stop after so many epochs without a better one; 0: never.", low=0)

    def judges(self, epoch: int) -> bool:
        """Whether the weights after `epoch` are judged; 0 is before any training."""
        if self.judge_every == "never":
            return False
        return epoch == self.epochs or (self.judge_every != 0 and epoch % int(self.judge_every) == 0)


@dataclass(frozen=True)
class MachineOptions:
    device: str = setting(MACHINE, "auto", "cpu, cuda, cuda:1, mps, ...; auto: the best there is.")
    workers: int | None = setting(MACHINE, None, "Loader processes. [0 on a CPU, else up to 8]", int, low=0)
    seed: int = setting(MACHINE, 0, "Decides every random choice.", low=0)
    deterministic: bool = setting(MACHINE, False, "The same bits from the same device each time; slower on cuda.")
    amp: str = setting(
        MACHINE,
        "auto",
        "Half precision: off, bf16, fp16 (cuda only); auto: bf16 on cuda and on CPUs with AMX, fp16 on older cuda.",
        words=("auto", "off", "bf16", "fp16"),
    )
    channels_last: str = setting(
        MACHINE, "auto", "Memory layout: on, off; auto: on for tiny on a CPU and for cuda.", words=("auto", "on", "off")
    )
    compile: bool = setting(MACHINE, False, "torch.compile the network first: a minute, then faster on cuda.")
    sync_bn: bool = setting(MACHINE, True, "Several cuda devices: batch norm over all of them.")


@dataclass(frozen=True)
class OutputOptions:
    out: str = setting(OUTPUT, "runs/train", "Where runs are numbered.")
    save_every: int = setting(OUTPUT, 0, "Keep epochs/NNN.pt every N epochs; 0: only best.pt and last.pt.", low=0)
    tensorboard: bool = setting(OUTPUT, False, "Also write TensorBoard events; needs the extra [tensorboard].")


@dataclass(frozen=True)
class Options(OutputOptions, MachineOptions, LossOptions, OptimisationOptions, ModelOptions, DataOptions):
    """Raises UserError for a value outside its limits."""

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            try:
                object.__setattr__(self, one.name, one.metadata["setting"].read(value))
            except ValueError as error:
                raise UserError(flag(one.name), repr(value), str(error)) from error
        _ = self.loss, self.augmentation  # they refuse what no single limit does
        if self.patience and self.judge_every in (0, "never"):
            raise UserError("--patience", f"with --judge-every {self.judge_every}", "epochs that are judged under way")


SETTINGS: dict[str, Setting] = {one.name: one.metadata["setting"] for one in fields(Options)}
DEFAULTS: dict[str, Any] = {one.name: one.default for one in fields(Options)}
