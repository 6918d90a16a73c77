"""Claims about where work is done: a real Dask cluster of two worker processes gives the bytes of this machine."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from datatools.errors import UserError
from datatools.parallel import ordered_map
from datatools.schedulers import current, parse_scheduler, working_on

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Cluster:
    url: str
    workers: list[subprocess.Popen]

    def start_worker(self) -> subprocess.Popen:
        command = ["distributed.cli.dask_worker", self.url.replace("dask", "tcp"), "--no-nanny", "--nthreads", "1"]
        self.workers.append(_python(*command, "--no-dashboard", "--host", "127.0.0.1"))
        return self.workers[-1]


def _python(*args: str) -> subprocess.Popen:
    """A process in a folder of its own: paths must mean what they mean to the command."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", *args], cwd="/", env={**os.environ, "PYTHONPATH": path}, **quiet)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    port = free_port()
    scheduler = _python("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    made = Cluster(f"dask://127.0.0.1:{port}", [])
    try:
        _until(lambda: _answers(port), "the scheduler answers")
        made.start_worker()
        made.start_worker()
        from distributed import Client

        with Client(f"tcp://127.0.0.1:{port}", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield made
    finally:
        for process in (*made.workers, scheduler):
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def _until(true, what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds} s, but not: {what}"
        time.sleep(0.01)


def where(n: int) -> tuple[int, int, str]:
    time.sleep(0.05)
    return n, os.getpid(), str(Path.cwd())


def unlucky(n: int) -> int:
    if n == 13:
        raise UserError("13", "unlucky")
    return n


def test_both_workers_work_in_order_in_the_folder_of_the_command(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with working_on(parse_scheduler(cluster.url)):
        found = list(ordered_map(where, range(40), item_ms=50))
    assert [n for n, _, _ in found] == list(range(40))
    assert {pid for _, pid, _ in found} == {w.pid for w in cluster.workers}
    assert {folder for _, _, folder in found} == {str(tmp_path)}
    assert current().kind == "local"


def test_a_user_error_at_a_worker_is_raised_here(cluster):
    with working_on(parse_scheduler(cluster.url)), pytest.raises(UserError, match="13: unlucky"):
        list(ordered_map(unlucky, range(20), item_ms=50))


def test_a_cluster_that_loses_a_worker_writes_what_this_machine_writes(cluster, cli, make, many, tmp_path):
    assert cli("balance", many, "--out", "local", "--workers", 1, "--quiet").code == 0
    victim = cluster.workers[0]
    killer = threading.Thread(target=_kill_in_the_middle, args=(victim, tmp_path / "far.partial"))
    killer.start()
    ended = cli("balance", many, "--out", "far", "--scheduler", cluster.url, "--quiet")
    killer.join()
    victim.wait(10)  # fails where it was not killed in time
    cluster.start_worker()
    assert (ended.code, ended.out) == (0, "") and victim.returncode == -9
    assert make.tree(tmp_path / "far") == make.tree(tmp_path / "local")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "far", "local"]


def _kill_in_the_middle(victim: subprocess.Popen, partial: Path) -> None:
    marks = partial / ".progress"
    with contextlib.suppress(FileNotFoundError):  # asserted by the victim's return code
        _until(lambda: marks.is_dir() and len(list(marks.iterdir())) > 3, "some pictures are done")
        victim.kill()


def test_a_scheduler_that_nobody_answers_at_is_refused_in_one_line(cli, small, monkeypatch):
    pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    monkeypatch.setattr("datatools.schedulers.CONNECT_S", 0.3)
    url = f"dask://127.0.0.1:{free_port()}"
    said = "no scheduler answers; start one with `dask scheduler` and `dask worker`, or correct --scheduler"
    assert cli("balance", small, "--out", "x", "--scheduler", url, "--quiet").error == f"{url}: {said}"


@pytest.mark.parametrize(("kind", "module"), [("dask", "distributed"), ("ray", "ray")])
def test_a_scheduler_that_is_not_installed_is_named_with_its_extra(cli, small, monkeypatch, kind, module):
    monkeypatch.setitem(sys.modules, module, None)
    said = f'--scheduler: {kind} is not installed; pip install "balanced-detection[{kind}]"'
    assert cli("stats", small, "--scheduler", f"{kind}://localhost:1", "--quiet").error == said


@pytest.mark.parametrize("text", ["dask", "dask://host", "dask://h:0", "dask://h:70000", "spark://a:1", "", "ray:"])
def test_a_scheduler_of_another_kind_is_wrong_usage(cli, text):
    ended = cli("stats", "x", "--scheduler", text)
    assert ended.code == 2 and "expected local, dask://host:port or ray://host:port" in ended.err


def test_a_ray_cluster_writes_what_this_machine_writes(cli, make, small, tmp_path):
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    port = free_port()
    ports = ("--port", str(free_port()), "--ray-client-server-port", str(port))
    head = _python("ray.scripts.scripts", "start", "--head", *ports, "--num-cpus", "2", "--block")
    try:
        _until(lambda: _answers(port), "Ray answers")
        assert cli("balance", small, "--out", "local", "--workers", 1, "--quiet").code == 0
        assert cli("balance", small, "--out", "far", "--scheduler", f"ray://127.0.0.1:{port}", "--quiet").code == 0
        assert make.tree(tmp_path / "far") == make.tree(tmp_path / "local")
    finally:
        head.terminate()
        head.wait()
