"""Where work is done: in processes of this machine, or on a Dask or Ray cluster that sees the same disk.

`--scheduler` chooses for a whole command; `parallel` asks here for the joblib backend.  A cluster is connected to
when the first work is sent to it, once a command.  Its workers need this program, and the paths that the command names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from datatools.errors import UserError

CONNECT_S = 10
EXPECTED = "local, dask://host:port or ray://host:port"


@dataclass
class Scheduler:
    """kind: local, dask or ray.  address: host:port, "" for local.  backend: for joblib, once connected."""

    kind: str = "local"
    address: str = ""
    backend: dict[str, Any] = field(default_factory=dict)
    open: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"{self.kind}://{self.address}" if self.address else self.kind

    def connected(self) -> dict[str, Any]:
        """The keywords of `joblib.parallel_config`.  Raises UserError where no such cluster can be used."""
        if not self.backend:
            self.backend = {"backend": "loky"} if self.kind == "local" else _CONNECT[self.kind](self)
        return self.backend


_chosen: ContextVar[Scheduler | None] = ContextVar("scheduler", default=None)


def parse_scheduler(text: str) -> Scheduler:
    """`local`, `dask://host:port` or `ray://host:port`.  Raises ValueError, with what was expected."""
    if text == "local":
        return Scheduler()
    found = re.fullmatch(r"(dask|ray)://([\w.-]+|\[[0-9A-Fa-f:]+\]):(\d{1,5})", text, re.ASCII)
    if not found or not 0 < int(found[3]) < 65536:
        raise ValueError(f"{text!r}, expected {EXPECTED}")
    return Scheduler(found[1], f"{found[2]}:{found[3]}")


@contextmanager
def working_on(scheduler: Scheduler) -> Iterator[Scheduler]:
    """All work inside the block is done there; the connection ends with the block."""
    token = _chosen.set(scheduler)
    try:
        with scheduler.open:
            yield scheduler
    finally:
        scheduler.backend = {}
        _chosen.reset(token)


def current() -> Scheduler:
    return _chosen.get() or Scheduler()


def _dask(scheduler: Scheduler) -> dict[str, Any]:
    try:
        from distributed import Client
    except ImportError:
        raise _lacking(scheduler) from None
    try:
        client = Client(f"tcp://{scheduler.address}", timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError):
        raise _silent(scheduler, "dask scheduler` and `dask worker") from None
    scheduler.open.enter_context(client)
    if not client.scheduler_info(n_workers=-1)["workers"]:
        raise UserError(scheduler.url, "has no workers", remedy="start some with `dask worker`")
    return {"backend": "dask", "client": client}


def _ray(scheduler: Scheduler) -> dict[str, Any]:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError:
        raise _lacking(scheduler) from None
    try:
        ray.init(f"ray://{scheduler.address}", log_to_driver=False, logging_level="error")
    except (ConnectionError, OSError, ValueError):
        raise _silent(scheduler, "ray start --head") from None
    scheduler.open.callback(ray.shutdown)
    register_ray()
    return {"backend": "ray"}


_CONNECT: dict[str, Callable[[Scheduler], dict[str, Any]]] = {"dask": _dask, "ray": _ray}


def _lacking(scheduler: Scheduler) -> UserError:
    remedy = f'pip install "balanced-detection[{scheduler.kind}]"'
    return UserError("--scheduler", f"{scheduler.kind} is not installed", remedy=remedy)


def _silent(scheduler: Scheduler, start: str) -> UserError:
    return UserError(scheduler.url, "no scheduler answers", remedy=f"start one with `{start}`, or correct --scheduler")
