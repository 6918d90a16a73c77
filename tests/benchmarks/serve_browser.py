"""Frames a second of the page in chromium with a made camera: looked at in the page, and by the server; a table.

    python tests/benchmarks/serve_browser.py best.onnx best-int8-static.onnx --rounds 2 --seconds 12

Both run the same ONNX file on this computer: the server with onnxruntime (extra `[onnx]`), the page with its web build.
The camera shows one 640 x 480 picture (--picture, else noise) at 20 frames a second, chromium's default. A measurement
is the number of answers between the first one after a pause and the last one; modes take turns.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from detector.errors import RunError
from detector.serve import web_runtime

MODES = ("server", "browser")
LAST = "async () => (await import('/page/main.js')).last !== null"
# Answers shown during so many seconds, and the milliseconds from the first to the last.
COUNT = """async (seconds) => {
  const main = await import("/page/main.js"), until = performance.now() + 1000 * seconds;
  let shown = main.last, first = 0, latest = 0, count = -1;
  while (performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 4));
    if (main.last === shown) continue;
    [shown, latest] = [main.last, performance.now()];
    first ||= latest;
    count += 1;
  }
  return [count, latest - first];
}"""


def film(picture: Path | None, path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    image = Image.open(picture).convert("RGB") if picture else Image.fromarray(noise)
    stream = io.BytesIO()
    image.resize((640, 480)).save(stream, "JPEG", quality=90)
    path.write_bytes(stream.getvalue() * 20)
    return path


def measure(driver: Any, chromium: str, model: Path, mode: str, video: Path, seconds: float) -> float:
    """Frames a second. A server and a browser of their own."""
    options = ["serve", str(model), "--mode", mode, "--port", "0", "--rate", "1000", "--quiet"]
    with subprocess.Popen(
        [sys.executable, "-m", "detector.cli", *options], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            url = re.search(r"at (http\S+)", server.stdout.readline())[1]  # type: ignore[index]
            fake = [f"--use-{kind}-for-media-stream" for kind in ("fake-device", "fake-ui")]
            arguments = ["--no-sandbox", *fake, f"--use-file-for-fake-video-capture={video}"]
            browser = driver.chromium.launch(executable_path=chromium, args=arguments)
            page = browser.new_page()
            page.goto(url)
            page.wait_for_selector("#counts tr, #mode:not(:empty)")
            page.click("#camera")
            until = time.monotonic() + 300
            while not page.evaluate(LAST):
                assert time.monotonic() < until, page.inner_text("#trouble")
                page.wait_for_timeout(100)
            page.wait_for_timeout(2000)
            count, ms = page.evaluate(COUNT, seconds)
            browser.close()
            return count / ms * 1000 if count > 0 else float("nan")
        finally:
            server.send_signal(signal.SIGINT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    try:
        web_runtime.check()
    except RunError as error:
        sys.exit(f"error: {error}")
    rates: dict[tuple[Path, str], list[float]] = {(model, mode): [] for model in given.models for mode in MODES}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        video = film(given.picture, Path(folder) / "camera.mjpeg")
        for _ in range(given.rounds):
            for (model, mode), found in rates.items():
                found.append(measure(driver, given.chromium, model, mode, video, given.seconds))
                print(f"{model.name}, {mode}: {found[-1]:.2f} frames/s, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    print("| model | MB | server, frames/s | browser, frames/s | browser against server |\n|---|---|---|---|---|")
    for model in given.models:
        server, browser = (statistics.median(rates[model, mode]) for mode in MODES)
        size = model.stat().st_size / 1e6
        print(f"| `{model.name}` | {size:.1f} | {server:.1f} | {browser:.1f} | {browser / server:.2f}x |")


if __name__ == "__main__":
    main()
