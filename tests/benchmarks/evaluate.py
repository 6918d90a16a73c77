"""Scoring 5,000 pictures of 100 detections each: ours, pycocotools, and faster-coco-eval where it is installed.

    python tests/benchmarks/evaluate.py [--pictures 5000] [--rounds 3]

All compute COCO's twelve figures from boxes in memory: AP and AR at ten thresholds, three sizes beside all of them,
three classes. The peers' indices and their `loadRes` are inside the time, as they are in use.
"""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import in_turns, table

from detector.judging.coco_report import coco_report
from detector.judging.found import Found, Truth

CLASSES = ("a", "b", "c")


def scene(pictures: int, detections: int) -> tuple[list[Found], list[Truth]]:
    """Seven truths a picture on the average; half of the detections lie near one."""
    rng = np.random.default_rng(0)
    found, truths = [], []
    for _ in range(pictures):
        low = rng.uniform(0, 400, (rng.integers(1, 14), 2))
        boxes = np.concatenate((low, low + rng.uniform(8, 120, low.shape)), axis=1)
        labels = rng.integers(0, 3, len(boxes))
        truths.append(Truth(boxes, labels))
        picked = rng.integers(0, len(boxes), detections // 2)
        near = boxes[picked] + rng.uniform(-3, 3, (len(picked), 4))  # never inverted: pycocotools leaves those out
        far = rng.uniform(0, 400, (detections - len(picked), 2))
        far = np.concatenate((far, far + rng.uniform(8, 120, far.shape)), axis=1)
        numbers = np.concatenate((labels[picked], rng.integers(0, 3, len(far))))
        found.append(Found(np.concatenate((near, far)), numbers, rng.random(detections)))
    return found, truths


def dictionaries(found: list[Found], truths: list[Truth]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    there: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image, (one, true) in enumerate(zip(found, truths, strict=True), start=1):
        for box, label in zip(true.xyxy.tolist(), true.classes.tolist(), strict=True):
            w, h = box[2] - box[0], box[3] - box[1]
            row = {"id": len(there) + 1, "image_id": image, "category_id": label + 1, "iscrowd": 0}
            there.append(row | {"bbox": [*box[:2], w, h], "area": w * h})
        for box, label, score in zip(one.xyxy.tolist(), one.classes.tolist(), one.scores.tolist(), strict=True):
            sides = [box[2] - box[0], box[3] - box[1]]
            results.append({"image_id": image, "category_id": label + 1, "bbox": [*box[:2], *sides], "score": score})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
    images = [{"id": i + 1} for i in range(len(found))]
    return {"info": {}, "images": images, "categories": categories, "annotations": there}, results


def peer(api: Any, judge: Any, dataset: dict[str, Any], results: list[dict[str, Any]]) -> Callable[[], Any]:
    def run() -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            truth = api()
            truth.dataset = dataset
            truth.createIndex()
            one = judge(truth, truth.loadRes([dict(row) for row in results]), "bbox")
            one.evaluate()
            one.accumulate()
            one.summarize()
        return one.stats

    return run


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--detections", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    found, truths = scene(arguments.pictures, arguments.detections)
    dataset, results = dictionaries(found, truths)
    contestants: dict[str, Callable[[], Any]] = {"ours": lambda: coco_report(found, truths, CLASSES, bins=())}
    contestants["ours, with seven bins of size"] = lambda: coco_report(found, truths, CLASSES)
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    contestants["pycocotools"] = peer(COCO, COCOeval, dataset, results)
    try:
        import faster_coco_eval

        faster = peer(faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster, dataset, results)
        contestants["faster-coco-eval"] = faster
    except ImportError:
        print("faster-coco-eval is not installed: left out")
    ours, theirs = contestants["ours"]().every, contestants["pycocotools"]()
    print(f"AP ours {ours.ap:.6f}, pycocotools {theirs[0]:.6f}; AR {ours.ar[2]:.6f}, {theirs[8]:.6f}")
    seconds = in_turns(contestants, arguments.rounds)
    title = f"{arguments.pictures} pictures of {arguments.detections} detections"
    table(title, seconds, arguments.pictures, "pictures", "pycocotools")


if __name__ == "__main__":
    main()
