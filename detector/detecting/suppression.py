"""Ways to thin out boxes that mean the same object. All go class by class, or, on request, without regard to classes.

greedy       a box goes when its IoU with a better kept one is above the threshold
diou         the same with IoU less the squared distance of the centres, as a share of the squared diagonal around both,
             so that neighbours stay (Zheng et al., "Distance-IoU Loss", 2020, section 3.4)
merge        greedy; a kept box becomes the mean, weighted by score, of itself and those that went for it
soft         no box goes; its score falls by exp(-IoU² / .5) with every better one (Bodla et al., "Soft-NMS", 2017)
soft-linear  no box goes; its score falls by 1 - IoU with every better one above the threshold (equation 2)

Softened boxes below `LEAST` go. Equal scores in the order given.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from detector.boxes import iou, suppress

SIGMA = 0.5
LEAST = 0.001
Thinned = tuple[Tensor, Tensor, Tensor]  # boxes (N, 4), scores (N,), indices (N,) of the boxes they come from


def thin(
    xyxy: Tensor, scores: Tensor, classes: Tensor, threshold: float, method: str = "greedy", agnostic: bool = False
) -> Thinned:
    """xyxy: (N, 4).  scores: (N,).  classes: (N,) int. Best first."""
    groups = torch.zeros_like(classes) if agnostic else classes
    if method == "greedy":
        kept = suppress(xyxy, scores, groups, threshold)
        return xyxy[kept], scores[kept], kept
    parts = [METHODS[method](xyxy, scores, own, threshold) for own in _by_group(scores, groups)]
    if not parts:
        return xyxy[:0], scores[:0], torch.zeros(0, dtype=torch.long)
    boxes, values, indices = (torch.cat(many) for many in zip(*parts, strict=True))
    order = torch.argsort(values, descending=True, stable=True)
    return boxes[order], values[order], indices[order]


def _by_group(scores: Tensor, groups: Tensor) -> list[Tensor]:
    """Indices of each group, best first."""
    order = torch.argsort(scores, descending=True, stable=True)
    return [order[groups[order] == group] for group in groups.unique().tolist()]


def distance_iou(a: Tensor, b: Tensor) -> Tensor:
    """(N, 4) and (M, 4) to (N, M): IoU less the distance of centres, squared, by the diagonal around both, squared."""
    centres = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (a, b)]
    apart = (centres[0][:, None] - centres[1][None]).square().sum(dim=-1)
    around = torch.maximum(a[:, None, 2:], b[None, :, 2:]) - torch.minimum(a[:, None, :2], b[None, :, :2])
    return iou(a, b) - apart / around.square().sum(dim=-1).clamp(min=1e-12)


def _greedy(xyxy: Tensor, own: Tensor, threshold: float, measure: Callable[[Tensor, Tensor], Tensor]) -> list[Tensor]:
    """Clusters of indices, the kept one first."""
    clusters = []
    while len(own):
        near = measure(xyxy[own[:1]], xyxy[own])[0] > threshold
        near[0] = True
        clusters.append(own[near])
        own = own[~near]
    return clusters


def _diou(xyxy: Tensor, scores: Tensor, own: Tensor, threshold: float) -> Thinned:
    kept = torch.stack([cluster[0] for cluster in _greedy(xyxy, own, threshold, distance_iou)])
    return xyxy[kept], scores[kept], kept


def _merge(xyxy: Tensor, scores: Tensor, own: Tensor, threshold: float) -> Thinned:
    clusters = _greedy(xyxy, own, threshold, iou)
    kept = torch.stack([cluster[0] for cluster in clusters])
    means = [_mean(xyxy[cluster], scores[cluster]) for cluster in clusters]
    return torch.stack(means), scores[kept], kept


def _mean(xyxy: Tensor, scores: Tensor) -> Tensor:
    weights = scores.to(xyxy.dtype).clamp(min=torch.finfo(xyxy.dtype).tiny)
    return (xyxy * weights[:, None]).sum(dim=0) / weights.sum()


def _soft(xyxy: Tensor, scores: Tensor, own: Tensor, threshold: float) -> Thinned:
    return _soften(xyxy, scores, own, lambda overlap: np.exp(-(overlap**2) / SIGMA))


def _soft_linear(xyxy: Tensor, scores: Tensor, own: Tensor, threshold: float) -> Thinned:
    return _soften(xyxy, scores, own, lambda overlap: np.where(overlap > threshold, 1 - overlap, 1.0))


def _soften(xyxy: Tensor, scores: Tensor, own: Tensor, factor: Callable[[np.ndarray], np.ndarray]) -> Thinned:
    values, taken = scores[own].double().numpy().copy(), []
    left = np.arange(len(own))
    while len(left):
        best = int(left[values[left].argmax()])
        left = left[left != best]
        if values[best] < LEAST:
            break
        taken.append(best)
        values[left] *= factor(iou(xyxy[own[best]][None], xyxy[own[torch.from_numpy(left)]])[0].double().numpy())
    kept = own[torch.tensor(taken, dtype=torch.long)]
    return xyxy[kept], torch.from_numpy(values[taken]).to(scores.dtype), kept


METHODS: dict[str, Callable[[Tensor, Tensor, Tensor, float], Thinned]] = {
    "diou": _diou,
    "merge": _merge,
    "soft": _soft,
    "soft-linear": _soft_linear,
}
