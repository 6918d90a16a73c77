"""The mean of several networks' weights as one network, no slower than each: a model soup.

Good for runs that went on from the same weights, whose means lie in the same valley: Wortsman et al., "Model soups",
2022, section 2 (uniform). Of runs that began apart the mean is worth nothing: judge it before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from detector.errors import WeightsError
from detector.network.checkpoint import Checkpoint


def average(named: Sequence[tuple[Path, Checkpoint]]) -> Checkpoint:
    """All alike in the mean, taken in float64; what is not a float is the first's. The input's size is the last's.

    Raises WeightsError where fewer than two are given, or one is another network or has other classes.
    """
    if len(named) < 2:
        raise WeightsError(named[0][0] if named else "average", "nothing to average it with", "two files or more")
    first_path, first = named[0]
    for path, one in named[1:]:
        if one.classes != first.classes:
            raise WeightsError(path, f"classes {', '.join(one.classes)}", f"{first_path}'s: {', '.join(first.classes)}")
        if one.cfg != first.cfg or _shapes(one) != _shapes(first):
            raise WeightsError(path, f"another network ({one.model})", f"that of {first_path} ({first.model})")
    weights = {name: _mean([one.weights[name] for _, one in named]) for name in first.weights}
    return replace(named[-1][1], weights=weights, state={})


def _shapes(one: Checkpoint) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in one.weights.items()}


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    if not tensors[0].is_floating_point():
        return tensors[0]
    return torch.stack([tensor.double() for tensor in tensors]).mean(dim=0).to(tensors[0].dtype)
