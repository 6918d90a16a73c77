"""The network at work for many clients: bytes of a picture in, an answer out, `parallel` pictures at a time.

Those that wait stand in line, first come first served; each live connection has one picture in it, so that they take
turns. A picture lives as long as its answer takes: nothing is written anywhere.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from detector.data.pictures import decode_picture
from detector.detecting.inference import Thresholds
from detector.detecting.predict import found_in
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
        found = found_in(self.opened.run, picture, self.opened.side, self.how)
        seconds = time.perf_counter() - start
        self.metrics.answered(via, seconds)
        return as_answer((picture.shape[1], picture.shape[0]), found, self.verdicts, seconds * 1e3)
