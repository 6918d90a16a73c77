"""The network at work for many clients: bytes of a picture in, an answer out, `parallel` pictures at a time.

Those that wait stand in line, first come first served; each live connection has one picture in it, so that they take
turns. A picture lives as long as its answer takes: nothing is written anywhere.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from detector.boxes import Letterbox
from detector.data.pictures import decode_picture, pad, shrink
from detector.detecting.inference import Thresholds, detect_batch
from detector.errors import DataError
from detector.runtimes.opening import Opened
from detector.serve.answer import as_answer
from detector.serve.limits import Limits
from detector.serve.metrics import Metrics
from detector.serve.refusal import RefusedError
from detector.serve.verdicts import Verdicts


class Engine:
    """opened: the model.  how: which boxes count."""

    def __init__(self, opened: Opened, how: Thresholds, verdicts: Verdicts, limits: Limits) -> None:
        self.opened, self.how, self.verdicts, self.limits = opened, how, verdicts, limits
        self.metrics = Metrics()
        self._workers = ThreadPoolExecutor(limits.parallel, thread_name_prefix="detector")

    async def answer(self, content: bytes, via: str) -> dict[str, Any]:
        """The fields of an `Answer`. Raises RefusedError where `content` is no picture within the limits."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, self._answer, content, via)

    def close(self) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _answer(self, content: bytes, via: str) -> dict[str, Any]:
        start = time.perf_counter()
        try:
            picture = decode_picture(content, "the picture", self.limits.pixels)
        except DataError as error:
            raise RefusedError(422, "picture", str(error)) from error
        size_wh, side = (picture.shape[1], picture.shape[0]), self.opened.side
        square = torch.from_numpy(pad(shrink(picture, side), side)).permute(2, 0, 1)[None]
        ready = square.to(self.opened.run.device).float().div_(255)
        found = detect_batch(self.opened.run, ready, [Letterbox(size_wh, side)], self.how)[0]
        seconds = time.perf_counter() - start
        self.metrics.answered(via, seconds)
        return as_answer(size_wh, found, self.verdicts, seconds * 1e3)
