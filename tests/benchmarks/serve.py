"""`detector serve` under load on this computer: frames a second, time there and back, memory, with slow clients beside.

    python tests/benchmarks/serve.py runs/train/1/best.pt --clients 1,4,16 --seconds 10 --slow 2

A client sends a 640 x 480 JPEG and waits for its answer. A slow one sends without pause and never reads; half of them
begin an upload that never ends.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


@dataclass(frozen=True)
class Load:
    """rate: frames a second, of all clients.  fewest, most: answers of one client.  rss: before, and at most."""

    clients: int
    slow: int
    rate: float
    p50_ms: float
    p95_ms: float
    fewest: int
    most: int
    rss_before_mb: float
    rss_most_mb: float


def jpeg() -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((640, 480)).save(stream, "JPEG", quality=80)
    return stream.getvalue()


async def client(url: str, frame: bytes, until: float) -> list[float]:
    """Milliseconds of each frame."""
    times = []
    async with connect(url, compression=None) as live:
        while (start := time.perf_counter()) < until:
            await live.send(frame)
            answer = json.loads(await live.recv())
            assert "boxes" in answer, answer
            times.append((time.perf_counter() - start) * 1e3)
    return times


async def flood(url: str, frame: bytes, until: float) -> None:
    """Send, and read nothing: the socket is never asked for what came."""
    with suppress(ConnectionClosed, TimeoutError):
        async with connect(url, compression=None, max_queue=1, close_timeout=0.1) as live:
            while time.perf_counter() < until:
                await asyncio.wait_for(live.send(frame), 1)


async def dawdle(host: str, port: int, until: float) -> None:
    """Begin an upload, and go on with a byte now and then."""
    _, writer = await asyncio.open_connection(host, port)
    writer.write(f"POST /api/detect HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 100000\r\n\r\n".encode())
    while time.perf_counter() < until:
        writer.write(b"x")
        await asyncio.sleep(0.1)
    writer.close()


def rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


async def watch(pid: int, until: float) -> float:
    most = 0.0
    while time.perf_counter() < until:
        most = max(most, rss_mb(pid))
        await asyncio.sleep(0.05)
    return most


async def measure(url: str, pid: int, clients: int, slow: int, seconds: float) -> Load:
    live, frame = url.replace("http", "ws") + "live", jpeg()
    host, port = re.fullmatch(r"http://(.+):(\d+)/", url).groups()  # type: ignore[union-attr]
    await client(live, frame, time.perf_counter() + 0.5)
    before, until = rss_mb(pid), time.perf_counter() + seconds
    slow_ones = [dawdle(host, int(port), until) if n % 2 else flood(live, frame, until) for n in range(slow)]
    most, times, *_ = await asyncio.gather(
        watch(pid, until), asyncio.gather(*[client(live, frame, until) for _ in range(clients)]), *slow_ones
    )
    together = np.concatenate([np.array(one) for one in times])
    counts = [len(one) for one in times]
    p50, p95 = np.percentile(together, (50, 95))
    rate = len(together) / seconds
    return Load(clients, slow, rate, float(p50), float(p95), min(counts), max(counts), before, most)


def run(model: Path, clients: int, slow: int, seconds: float) -> Load:
    """A server of its own for each measurement."""
    code = "import torch; torch.set_num_threads(1); from detector.cli import main; main()"
    options = ["serve", str(model), "--port", "0", "--rate", "1000", "--clients", "64", "--runtime", "torch", "--quiet"]
    with subprocess.Popen([sys.executable, "-c", code, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            found = re.search(r"at (http\S+)", process.stdout.readline())
            assert found
            return asyncio.run(measure(found[1], process.pid, clients, slow, seconds))
        finally:
            process.send_signal(signal.SIGINT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--clients", default="1,4,16")
    parser.add_argument("--slow", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    for count in map(int, given.clients.split(",")):
        one = run(given.model, count, given.slow, given.seconds)
        if given.json:
            print(json.dumps(asdict(one)))
        else:
            print(
                f"{one.clients} clients, {one.slow} slow: {one.rate:.1f} frames/s, p50 {one.p50_ms:.0f} ms, "
                f"p95 {one.p95_ms:.0f} ms, {one.fewest}..{one.most} a client, "
                f"{one.rss_before_mb:.0f} -> {one.rss_most_mb:.0f} MB"
            )


if __name__ == "__main__":
    main()
