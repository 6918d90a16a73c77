"""Binary cross entropy that counts easy examples less: Lin et al., "Focal Loss", 2017, equation 5.

    FL(p_t) = -alpha_t (1 - p_t)^gamma log(p_t)

A target between 0 and 1 (smoothing) is a mixture: target x FL of "yes" + (1 - target) x FL of "no", which is plain
cross entropy where gamma is 0 and alpha None. Powers are taken of logarithms, so nothing overflows.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def focal(logits: Tensor, targets: Tensor, gamma: float = 0.0, alpha: float | None = None) -> Tensor:
    """Of each element, unsummed. alpha: weight of "yes", 1 - alpha of "no"; None for 1 and 1."""
    if gamma == 0 and alpha is None:
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    log_yes, log_no = F.logsigmoid(logits), F.logsigmoid(-logits)
    yes, no = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)
    there = -yes * (gamma * log_no).exp() * log_yes
    absent = -no * (gamma * log_yes).exp() * log_no
    return targets * there + (1 - targets) * absent
