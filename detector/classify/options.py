"""All that decides a classifier's training, as one value: the fields are the command's options. No heavy imports.

None stands for what depends on the model, the mode or the split: `settled` fills it in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from detector.errors import UserError

TRANSFERS = ("frozen", "finetune", "scratch")
SIDES = {"mobilenet-v2": (224, 32), "inception-v3": (299, 75)}  # of the input: as published, and at least
MODELS = tuple(SIDES)
AUGMENTATIONS = ("none", "flip", "light")
SAMPLERS = ("uniform", "repeat-factor", "balanced")
AMPS = ("auto", "off", "bf16")
RATES = {"frozen": 1e-3, "finetune": 1e-3, "scratch": 2e-3}


@dataclass(frozen=True)
class Options:
    """data: a folder of crops.  body_lr: the body's rate as a share of the head's, in finetune alone.

    views: of each picture, of which the body is computed in frozen with `light`.
    """

    data: str
    model: str = "mobilenet-v2"
    transfer: str = "finetune"
    weights: str | None = None
    epochs: int = 20
    batch: int = 32
    img_size: int | None = None
    lr: float | None = None
    body_lr: float = 0.1
    weight_decay: float = 1e-4
    sampler: str = "uniform"
    class_weights: str = "none"
    focal_gamma: float = 0.0
    label_smoothing: float = 0.0
    augment: str | None = None
    views: int = 8
    seed: int = 0
    device: str = "auto"
    amp: str = "auto"

    def settled(self) -> Options:
        """Nothing left open. Raises UserError where options contradict one another."""
        if self.transfer != "scratch" and not self.weights:
            remedy = "give --weights FILE, or --transfer scratch"
            raise UserError("--transfer", f"{self.transfer} begins from pretrained weights", "a file of them", remedy)
        if self.transfer == "scratch" and self.weights:
            raise UserError("--weights", "scratch takes none", "--transfer frozen or finetune")
        augment = self.augment or ("flip" if self.transfer == "frozen" else "light")
        if self.sampler not in SAMPLERS:
            raise UserError("--sampler", repr(self.sampler), f"one of {', '.join(SAMPLERS)}")
        if self.amp not in AMPS:
            raise UserError("--amp", repr(self.amp), f"one of {', '.join(AMPS)}")
        if self.views < 1:
            raise UserError("--views", f"{self.views}", "1 or more")
        if self.batch < 2:
            raise UserError("--batch", f"{self.batch} picture", "2 or more: batch norm cannot learn from one")
        published, least = SIDES[self.model]
        side = self.img_size or published
        if side < least:
            raise UserError("--img-size", f"{side} pixels", f"{least} or more for {self.model}")
        return replace(self, augment=augment, img_size=side, lr=self.lr or RATES[self.transfer])
