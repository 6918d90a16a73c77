"""Cross entropy over exclusive classes, with class weights and the focal term: Lin et al., "Focal Loss", 2017.

    FL(p_t) = -w_t (1 - p_t)^gamma log(p_t)

Unlike the detector's, which judges each class by itself, p_t is softmax's. Mean over the batch, not over the weights:
weights that are 1 on average leave the loss as large as it was.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

AUXILIARY = 0.4  # what the auxiliary head's loss counts, as in TensorFlow's own training of InceptionV3


def softmax_focal(
    logits: Tensor, truths: Tensor, weights: Tensor | None = None, gamma: float = 0.0, smoothing: float = 0.0
) -> Tensor:
    """logits: (B, C).  truths: (B,) int64.  weights: (C,).  smoothing: share of the truth spread over all classes."""
    logs = F.log_softmax(logits.float(), dim=1)
    targets = F.one_hot(truths, logits.shape[1]).to(logs.dtype) * (1 - smoothing) + smoothing / logits.shape[1]
    # Never 0, where a power below 1 has no slope.
    easy = (-torch.expm1(logs)).clamp(min=1e-7) ** gamma if gamma else torch.ones_like(logs)
    each = -(targets * easy * logs).sum(dim=1)
    return (each if weights is None else each * weights[truths]).mean()


def total(given: Tensor | tuple[Tensor, Tensor], truths: Tensor, weights: Tensor | None, gamma: float,
          smoothing: float) -> Tensor:  # fmt: skip
    """The loss of a network's output, its auxiliary head's included where it has one."""
    if isinstance(given, Tensor):
        return softmax_focal(given, truths, weights, gamma, smoothing)
    main, auxiliary = (softmax_focal(one, truths, weights, gamma, smoothing) for one in given)
    return main + AUXILIARY * auxiliary
