"""Every option of `detector train` on four small pictures: it trains, and does what it says."""

import contextlib
import csv
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

import detector.train as training
from detector.errors import RunError, TrainingError, UserError
from detector.network import checkpoint
from detector.train import resume, train
from detector.training.device import has_bf16_tiles
from detector.training.options import SETTINGS, Options

MICRO = "[net]\nwidth=64\nheight=64\nchannels=3\n" + "".join(
    f"[convolutional]\nbatch_normalize=1\nfilters={n}\nsize=3\nstride=2\npad=1\nactivation=leaky\n" for n in (4, 8, 8)
)
MICRO += "[convolutional]\nfilters=21\nsize=1\nstride=1\npad=1\nactivation=linear\n"
MICRO += "[yolo]\nmask=0,1,2\nanchors=12,12, 16,16, 24,24\nclasses=2\nnum=3\n"


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    """Drawing takes longer than these runs; test_train.py looks at it."""
    for name in ("curves_png", "predictions_png", "first_batches", "labels_png"):
        monkeypatch.setattr(f"detector.training.record.{name}", lambda *given: b"")
    monkeypatch.setattr("detector.training.record.judging_sheets", lambda *given: {})


@pytest.fixture
def options(shapes_split, tmp_path):
    """Four pictures in batches of two, 64 pixels: two steps an epoch. In float32, whatever the processor has."""
    folder, cfg = shapes_split(train=4, val=2), tmp_path / "micro.cfg"
    cfg.write_text(MICRO)
    where = {"data": str(folder), "out": str(tmp_path / "runs"), "model": str(cfg), "device": "cpu"}
    small = Options(**where, epochs=1, batch=2, img_size=64, amp="off")
    return lambda **more: replace(small, **more)


def last(folder):
    return checkpoint.load(folder / "last.pt")


def raw(folder):
    return last(folder).state["raw"]


def alike(one, two):
    return all(torch.equal(value, two[name]) for name, value in one.items())


# Each group of options in one run of its own, and those that must change the weights at that.
CHANGES = [
    {"optimizer": "adamw", "weight_decay": 0.1, "momentum": 0.8},
    {"momentum": 0.0},
    {"lr": 0.1, "warm_up": 0, "schedule": "constant"},
    {"schedule": "linear", "final_lr": 0.5, "warm_up": 1},
    {"schedule": "step", "lr": 0.02},
    {"nominal_batch": 4},
    {"clip": 0.01},
    {"weight_decay": 0.5},
    {"box_loss": "giou", "box_gain": 2.0},
    {"box_loss": "yolov3", "positive_iou": 1.0},
    {"objectness_gamma": 2.0, "objectness_alpha": 0.25},
    {"class_gamma": 1.5, "class_alpha": 0.4, "class_gain": 0.5},
    {"class_weights": "effective", "class_weights_beta": 0.9},
    {"class_weights": "inverse"},
    {"label_smoothing": 0.1},
    {"objectness_balance": "4,1,0.4"},
    {"objectness_over": "cells", "objectness_gain": 10.0},
    {"ignore_iou": 0.0},
    {"augment": "strong", "plain_share": 0.0},
    {"augment": "none"},
    {"noise": 0.2},
    {"hue": 0.5, "saturation": 0.1, "value": 0.1, "flip": 1.0},
    {"scale": 0.0, "shift": 0.0, "rotate_deg": 20.0, "shear_deg": 5.0},
    {"mosaic": 1.0, "plain_share": 0.0},
    {"mixup": 1.0, "min_visible": 0.9, "plain_share": 0.0},
    {"copy_paste": 1.0, "pasted": 1, "plain_share": 0.0},
    {"close_up": 1.0},
    {"multi_scale": 0.5, "seed": 1},
    {"sampler": "repeat-factor", "repeat_threshold": 1.0, "epoch_size": 7},
    {"seed": 3},
]


@pytest.mark.parametrize("given", CHANGES, ids=lambda given: "+".join(given))
def test_an_option_changes_what_is_learnt_and_survives_in_args(options, given):
    folder = train(options(**given), quiet=True)
    plain = train(options(), quiet=True)
    assert not alike(raw(folder), raw(plain))
    kept = yaml.safe_load((folder / "args.yaml").read_text())
    assert {name: kept[name] for name in given} == given
    assert all(bool(torch.isfinite(value).all()) for value in last(folder).weights.values())


SAME = [
    {"cache": "none"},
    {"cache": "disk", "cache_folder": "pictures"},
    {"cache_mb": 0},
    {"deterministic": True},
    {"channels_last": "on"},  # what auto takes for a network this small
    {"patience": 5},
    {"judge_every": 0},
    {"judge_every": "never"},
    {"save_every": 1},
    {"on_error": "skip"},
    {"sync_bn": False},
    {"nominal_batch": 2},
    {"ema_decay": 0.5},
    {"plain_share": 0.5},
    {"freeze": 0, "unfreeze": None, "body_lr": 1.0},
]


@pytest.mark.parametrize("given", SAME, ids=lambda given: "+".join(given))
def test_an_option_of_the_machine_changes_no_bit(options, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert alike(raw(train(options(**given), quiet=True)), raw(train(options(), quiet=True)))


STOPPED = [
    {"nominal_batch": 4, "batch": 1},
    {"optimizer": "adamw", "schedule": "linear"},
    {"mosaic": 1.0, "mixup": 0.5, "copy_paste": 0.5, "close_up": 0.3, "augment": "strong"},
    {"multi_scale": 0.5, "sampler": "repeat-factor", "repeat_threshold": 1.0, "epoch_size": 6},
    {"ema_decay": 0.9, "warm_up": 3, "clip": 0.1, "objectness_gamma": 2.0, "class_weights": "effective"},
    {"patience": 3, "lr": 1e-12, "epochs": 20},
    {"save_every": 1, "cache": "none", "workers": 1},
    {"judge_every": 2, "epochs": 5},
    {"judge_every": "never"},
]


class Killed(BaseException):
    """Nothing catches it: what is on disk is all that is left, as after kill -9."""


@pytest.mark.parametrize("given", STOPPED, ids=lambda given: "+".join(given))
@pytest.mark.parametrize("how", ["killed", "interrupted"])
def test_a_run_that_was_stopped_ends_in_the_bits_of_one_that_was_not(options, given, how, monkeypatch):
    given = {"epochs": 3, **given}
    whole = train(options(**given), quiet=True)
    real, calls = training.loss, []

    def loss(*values, **more):
        calls.append(1)
        if len(calls) == 5 and how == "killed":
            raise Killed
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return real(*values, **more)

    with monkeypatch.context() as patch:
        patch.setattr(training, "loss", loss)
        with contextlib.suppress(Killed, KeyboardInterrupt):
            train(options(**given), quiet=True)
    folder = whole.parent / "2"
    assert len(calls) >= 5 and resume(folder, quiet=True) == folder  # which refuses a run that is over
    assert alike(raw(whole), raw(folder)) and alike(last(whole).weights, last(folder).weights)
    assert (whole / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()
    one, two = last(whole).state["progress"], last(folder).state["progress"]
    assert one == two


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_half_precision_trains_and_resumes_with_its_scale(options, amp, monkeypatch):
    """On this CPU it is emulated, which `choose_precision` would refuse; the loop is the same."""
    monkeypatch.setattr("detector.training.settle.choose_precision", lambda name, device: name)
    given = {"amp": amp, "epochs": 3}
    whole, plain = train(options(**given), quiet=True), train(options(epochs=3, amp="off"), quiet=True)
    interrupt(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        train(options(**given), quiet=True)
    folder = resume(whole.parent / "3", quiet=True)
    assert alike(raw(whole), raw(folder)) and not alike(raw(whole), raw(plain))
    scale = last(folder).state["scaler"]
    assert scale == last(whole).state["scaler"] and (scale == {}) == (amp == "bf16")
    one, two = (last(run).state["progress"]["history"][-1]["objectness"] for run in (whole, plain))
    assert one == pytest.approx(two, rel=0.05)


def test_a_processor_with_tiles_trains_in_bf16_unasked_and_resumes_in_the_same_bits(options, monkeypatch):
    if not has_bf16_tiles():
        pytest.skip("this processor has no tiles of bf16")
    given = {"amp": "auto", "epochs": 3}
    whole, plain = train(options(**given), quiet=True), train(options(epochs=3), quiet=True)
    interrupt(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        train(options(**given), quiet=True)
    assert alike(raw(whole), raw(resume(whole.parent / "3", quiet=True))) and not alike(raw(whole), raw(plain))
    assert yaml.safe_load((whole / "args.yaml").read_text())["amp"] == "bf16"


def test_a_run_in_bf16_goes_on_only_where_the_processor_computes_in_it(options, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("detector.training.settle.choose_precision", lambda name, device: "bf16")
        interrupt(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            train(options(amp="auto"), quiet=True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    folder = Path(options().out) / "1"
    remedy = f"go on where it began, or anew: detector train --amp off --weights {folder / 'best.pt'}"
    with pytest.raises(RunError, match=f"{folder}: in bf16, which the cpu here does not compute in; {remedy}"):
        resume(folder, quiet=True)


def test_a_run_in_float32_stays_in_it_on_a_processor_with_tiles(options, monkeypatch):
    whole = train(options(), quiet=True)
    interrupt(monkeypatch, 1)
    with monkeypatch.context() as patch:
        patch.setattr("detector.training.device.has_bf16_tiles", lambda: False)
        with pytest.raises(KeyboardInterrupt):
            train(options(amp="auto"), quiet=True)
    monkeypatch.setattr("detector.training.device.has_bf16_tiles", lambda: True)
    assert alike(raw(whole), raw(resume(whole.parent / "2", quiet=True)))


def interrupt(monkeypatch, call):
    """Send this process a signal while it computes its `call`-th loss."""
    real, calls = training.loss, []

    def loss(*values, **more):
        calls.append(1)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGINT)
        return real(*values, **more)

    monkeypatch.setattr(training, "loss", loss)


@pytest.mark.slow
def test_a_compiled_network_learns_what_it_would_learn_uncompiled(options):
    compiled, plain = train(options(compile=True), quiet=True), train(options(), quiet=True)
    assert all(torch.allclose(value, raw(plain)[name], atol=1e-3) for name, value in raw(compiled).items())
    assert checkpoint.load(compiled / "best.pt").build()


def test_a_batch_that_does_not_fit_is_found_or_said_in_one_line(options, monkeypatch):
    monkeypatch.setattr("detector.training.memory.free_bytes", lambda: 2**21)
    assert last(train(options(batch="auto"), quiet=True)).state["options"]["batch"] in (1, 2, 4, 8)
    monkeypatch.setattr(training, "loss", lambda *given, **more: torch.empty(2**55))
    with pytest.raises(TrainingError, match=r"^--batch 2: out of memory at 64 px; try --batch 1, with --nominal-batch"):
        train(options(), quiet=True)


def test_every_option_is_exercised_here_or_elsewhere():
    """Those that are named nowhere below have a test of their own in this file or beside it."""
    elsewhere = {"data", "img_size", "model", "weights", "epochs", "batch", "device", "workers", "out"}  # test_train.py
    elsewhere |= {"anchors", "transfer", "fresh_heads", "freeze_norm", "compile", "amp", "tensorboard", "ignore_share"}
    here = {name for given in (*CHANGES, *SAME) for name in given}
    assert set(SETTINGS) == here | elsewhere


def test_gathered_batches_move_the_weights_as_one_large_batch_does(options, tmp_path):
    """Without batch norm, whose statistics are each batch's own, and with pictures of unlike numbers of slots."""
    cfg = tmp_path / "plain.cfg"
    cfg.write_text(MICRO.replace("batch_normalize=1\n", ""))
    whole = train(options(model=str(cfg), batch=4), quiet=True)
    parts = train(options(model=str(cfg), batch=1, nominal_batch=4), quiet=True)
    assert all(torch.allclose(v, raw(parts)[name], atol=1e-6) for name, v in raw(whole).items())
    with (whole / "results.csv").open() as one, (parts / "results.csv").open() as two:
        a, b = list(csv.DictReader(one))[1], list(csv.DictReader(two))[1]
    assert [float(a[k]) for k in ("lr", "box", "objectness", "class")] == pytest.approx(
        [float(b[k]) for k in ("lr", "box", "objectness", "class")], rel=1e-4
    )


def test_the_last_step_of_an_epoch_gathers_what_is_left(options, shapes_split, tmp_path):
    data = str(shapes_split(train=5, val=1, folder=tmp_path / "five"))
    folder = train(options(data=data, batch=1, nominal_batch=2, epochs=2), quiet=True)
    state = last(folder).state["optimizer"]["state"]
    assert last(folder).state["progress"]["epoch"] == 2 and state
    rates = [row["lr"] for row in last(folder).state["progress"]["history"]]
    assert rates[0] is None and rates[1] > rates[2] > 0


def test_the_frozen_stand_still_until_they_thaw(options):
    first = train(options(), quiet=True)
    weights = str(first / "last.pt")
    start = last(first).weights
    frozen = raw(train(options(weights=weights, freeze="backbone", unfreeze="2"), quiet=True))
    thawed = raw(train(options(weights=weights, freeze="backbone", unfreeze="1", epochs=2), quiet=True))
    body = [name for name in start if name.startswith("layers.0.") and "num_batches" not in name]
    assert body and all(torch.equal(frozen[name], start[name]) for name in body)
    assert not torch.equal(thawed["layers.0.conv.weight"], start["layers.0.conv.weight"])
    assert not torch.equal(frozen["layers.3.conv.weight"], start["layers.3.conv.weight"])


def test_what_is_taken_over_is_as_asked(options):
    weights = str(train(options(seed=5), quiet=True) / "last.pt")
    slow = options(weights=weights, lr=1e-9, warm_up=0, momentum=0.0, freeze_norm=True)
    start = checkpoint.load(train(options(seed=5), quiet=True) / "last.pt").weights
    taken = {
        name: raw(train(replace(slow, transfer=part, fresh_heads=fresh), quiet=True))
        for name, part, fresh in (("all", "all", False), ("backbone", "backbone", False), ("fresh", "all", True))
    }
    key, head = "layers.0.conv.weight", "layers.3.conv.weight"
    assert all(torch.allclose(found[key], start[key], atol=1e-6) for found in taken.values())
    assert torch.equal(taken["all"]["layers.0.norm.running_mean"], start["layers.0.norm.running_mean"])
    assert [torch.allclose(taken[n][head], start[head], atol=1e-6) for n in taken] == [True, False, False]
    with pytest.raises(UserError, match="--freeze-norm: --transfer heads leaves the backbone random"):
        train(replace(slow, transfer="heads"), quiet=True)


def test_patience_ends_a_run_that_gets_no_better_and_it_is_over(options):
    folder = train(options(epochs=50, patience=2, lr=1e-12), quiet=True)
    progress = last(folder).state["progress"]
    assert progress["epoch"] == progress["best_epoch"] + 2 < 50
    with pytest.raises(UserError, match=r"finished already, none of the 2 epochs after \d+ was better"):
        resume(folder)


@pytest.mark.parametrize(("every", "judged"), [(1, [0, 1, 2, 3]), (2, [0, 2, 3]), (5, [0, 3]), (0, [3]), ("never", [])])
def test_only_some_epochs_are_judged_and_the_best_is_one_of_them(options, every, judged):
    folder = train(options(epochs=3, judge_every=every), quiet=True)
    with (folder / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3]
    assert [int(row["epoch"]) for row in rows if row["map50"]] == judged
    progress = last(folder).state["progress"]
    assert progress["best_epoch"] in (judged or [3])
    best = checkpoint.load(folder / "best.pt").weights
    assert alike(best, last(folder).weights) is (progress["best_epoch"] == 3)


def test_patience_waits_for_an_epoch_that_is_judged(options):
    folder = train(options(epochs=50, judge_every=4, patience=2, lr=1e-12), quiet=True)
    assert last(folder).state["progress"]["epoch"] % 4 == 0
    for every in (0, "never"):
        with pytest.raises(UserError, match=rf"--patience: with --judge-every {every}, expected epochs that are"):
            options(patience=1, judge_every=every)


def test_epochs_are_kept_under_their_numbers(options):
    folder = train(options(epochs=5, save_every=2), quiet=True)
    assert sorted(path.name for path in (folder / "epochs").iterdir()) == ["002.pt", "004.pt"]
    assert checkpoint.load(folder / "epochs" / "004.pt").build()


def test_without_an_average_the_weights_that_are_kept_are_those_that_were_trained(options):
    folder = train(options(ema_decay=0), quiet=True)
    assert alike(last(folder).weights, raw(folder))
    other = train(options(), quiet=True)
    assert not alike(last(other).weights, raw(other))


def test_without_a_box_to_validate_on_the_loss_says_which_epoch_is_best(options, shapes_split, tmp_path):
    data = shapes_split(train=4, val=2, folder=tmp_path / "bare")
    for path in (data / "labels" / "val").iterdir():
        path.write_text("")
    folder = train(options(data=str(data), epochs=3), quiet=True)
    progress = last(folder).state["progress"]
    losses = [line["val_loss"] for line in progress["history"]]
    assert progress["best"] == -min(losses) and progress["best_epoch"] == losses.index(min(losses))


def test_args_of_a_run_run_it_again(options):
    from detector.training.arguments import read_config

    first = train(options(optimizer="adamw", mosaic=0.5, unfreeze=None, sampler="repeat-factor"), quiet=True)
    second = train(Options(**read_config(first / "args.yaml")), quiet=True)
    assert alike(raw(first), raw(second)) and (first / "args.yaml").read_text() == (second / "args.yaml").read_text()


def test_ignore_regions_train_nothing(options):
    from pathlib import Path

    folder = Path(options().data)
    plain = raw(train(options(augment="none"), quiet=True))
    (folder / "ignore" / "train").mkdir(parents=True)
    for number in range(4):
        (folder / "ignore" / "train" / f"{number}.txt").write_text("0.27 0.5 0.54 1\n")
    some = raw(train(options(augment="none"), quiet=True))
    none = raw(train(options(augment="none", ignore_share=0.1), quiet=True))
    assert not alike(some, plain) and not alike(none, some)
