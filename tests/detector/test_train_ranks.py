"""Two processes under torchrun against one with the same global batch, on CPUs, by gloo."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from detector.errors import DataError
from detector.network import checkpoint
from detector.train import resume, train
from detector.training.options import Options

# No batch norm: its statistics are each process's own, and only --sync-bn, on cuda, joins them.
MICRO = "[net]\nwidth=64\nheight=64\nchannels=3\n" + "".join(
    f"[convolutional]\nfilters={n}\nsize=3\nstride=2\npad=1\nactivation=leaky\n" for n in (4, 8, 8)
)
MICRO += "[convolutional]\nfilters=21\nsize=1\nstride=1\npad=1\nactivation=linear\n"
MICRO += "[yolo]\nmask=0,1,2\nanchors=12,12, 16,16, 24,24\nclasses=2\nnum=3\n"
PROGRAM = """
import os, signal, sys, torch
torch.set_num_threads(1)
import detector.training.record, detector.train as t
for name in ("curves_png", "predictions_png", "first_batches", "labels_png"):
    setattr(detector.training.record, name, lambda *given: b"")
detector.training.record.judging_sheets = lambda *given: {}
kill = int(os.environ.get("KILL", 0))
real, calls = t.loss, []
def loss(*given, **more):
    calls.append(1)
    if len(calls) == kill and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGINT)
    return real(*given, **more)
t.loss = loss
try:
    t.resume(t.Path(sys.argv[1])) if len(sys.argv) > 1 else t.train({options!r})
except KeyboardInterrupt as stop:
    print("stopped:", stop)
"""


@pytest.fixture
def options(shapes_split, tmp_path):
    """Five pictures in global batches of two; an epoch shows four, so that no picture is shown to both."""
    folder, cfg = shapes_split(train=5, val=2), tmp_path / "micro.cfg"
    cfg.write_text(MICRO)
    where = {"data": str(folder), "out": str(tmp_path / "two"), "model": str(cfg), "device": "cpu"}
    return Options(**where, epochs=2, batch=2, img_size=64, epoch_size=4, amp="off")


def in_two(options, *words, kill=0):
    script = Path(options.data).parent / "program.py"
    script.write_text(PROGRAM.replace("{options!r}", repr(options).replace("Options(", "t.Options(")))
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = {**os.environ, "KILL": str(kill), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*run, *map(str, words)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def losses(folder):
    with (folder / "results.csv").open() as file:
        return [[float(row[name]) for name in ("box", "objectness", "class")] for row in list(csv.DictReader(file))[1:]]


@pytest.fixture
def alone(options):
    """The same run by one process, as its losses and its weights."""
    folder = train(replace(options, out=options.out.replace("two", "one")), quiet=True)
    return losses(folder), checkpoint.load(folder / "last.pt").state["raw"]


def check_like(folder, alone):
    """Sums in another order round otherwise; nothing else may differ."""
    assert losses(folder) == [pytest.approx(row, rel=1e-4) for row in alone[0]]
    weights = checkpoint.load(folder / "last.pt").state["raw"]
    assert all(torch.allclose(value, weights[name], atol=1e-5) for name, value in alone[1].items())


def test_two_processes_learn_what_one_does_and_one_alone_writes(options, alone):
    done = in_two(options)
    assert done.stderr.count("run: ") == 1 and "processes: 2, each on its own cpu" in done.stderr
    assert [path.name for path in Path(options.out).iterdir()] == ["1"]
    check_like(Path(options.out) / "1", alone)


@pytest.mark.slow
def test_a_stop_that_one_process_hears_stops_both_and_they_go_on_together(options, alone):
    done, folder = in_two(options, kill=1), Path(options.out) / "1"
    assert done.stdout.count("stopped: saved") == 2
    progress = checkpoint.load(folder / "last.pt").state["progress"]
    assert (progress["epoch"], progress["step"]) == (0, 1)
    with pytest.raises(DataError, match="torchrun: processes: 1, expected the run's 2; put it back, or begin anew"):
        resume(folder)
    in_two(options, folder)
    check_like(folder, alone)
