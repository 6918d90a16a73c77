import json
import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from detector.cli import cli
from detector.errors import UserError
from detector.network.cfg import own_cfgs, parse_cfg, read_cfg
from detector.network.checkpoint import Checkpoint, save
from detector.network.info import summarise
from detector.network.info_report import describe, overview
from detector.network.model import Convolution, Darknet
from detector.network.weights import write_darknet


@pytest.mark.parametrize(
    ("name", "side", "billions", "parameters"),
    # As published with the weights: https://pjreddie.com/darknet/yolo/ (FLOPS), and the sizes of the weights files.
    [
        ("yolov3", 320, 38.97, 61_949_149),
        ("yolov3", 416, 65.86, 61_949_149),
        ("yolov3", 608, 140.69, 61_949_149),
        ("yolov3-spp", 608, 141.45, 62_998_749),
        ("yolov3-tiny", 416, 5.56, 8_852_366),
    ],
)
def test_operations_and_parameters_are_the_published_ones(name, side, billions, parameters):
    summary = summarise(read_cfg(name), (side, side))
    assert summary.gflops == pytest.approx(billions, abs=0.006)
    assert summary.parameters == parameters


@pytest.mark.parametrize(("name", "size"), [("yolov3-spp", 252_209_544), ("yolov3", 248_007_048)])
def test_the_size_of_a_weights_file_is_the_published_one(name, size):
    assert summarise(read_cfg(name)).as_json()["weights_bytes"] == size


@pytest.mark.parametrize("name", [*own_cfgs(), "own"])
def test_each_layer_is_what_hooks_count_in_the_network_at_work(name):
    cfg = parse_cfg(OWN, "own") if name == "own" else read_cfg(name).adapt(3)
    summary = summarise(cfg, (64, 96))
    model, seen = Darknet(cfg).eval(), {}

    def count(index):
        def hook(module, inputs, output):
            _, channels, height, width = output.shape
            operations = 0
            if isinstance(module, Convolution):
                kernel = module.conv.weight
                operations = 2 * output.numel() * kernel[0].numel()
            parameters = sum(p.numel() for p in module.parameters())
            seen[index] = ((width, height, channels), operations, parameters)

        return hook

    for index, layer in enumerate(model.layers):
        layer.register_forward_hook(count(index))
    with torch.inference_mode():
        heads = model(torch.zeros(1, 3, 96, 64))
    rows = {row.index: (row.output, row.operations, row.parameters) for row in summary.rows}
    assert seen == {index: rows[index] for index in seen}
    silent = [summary.rows[index].kind for index in rows if index not in seen]
    assert set(silent) <= {"route", "yolo"}
    assert [(h.cells_wh[1], h.cells_wh[0]) for h in summary.heads] == [tuple(raw.shape[2:4]) for raw in heads]
    joined = sum(row.floats for row in summary.rows if row.kind == "route" and len(row.sources) > 1)
    assert summary.outputs == 4 * (sum(w * h * c for (w, h, c), _, _ in seen.values()) + joined)


OWN = """
[net]
[convolutional]
batch_normalize=1
filters=4
size=3
stride=2
pad=1
activation=relu
[convolutional]
filters=4
size=5
stride=1
pad=1
activation=linear
[shortcut]
from=-2
[maxpool]
size=3
stride=2
[convolutional]
filters=8
size=3
stride=2
pad=1
groups=4
activation=linear
[upsample]
[route]
layers=-1,-3
[convolutional]
filters=2
size=3
stride=1
pad=1
activation=linear
[route]
layers=-1
[convolutional]
filters=7
activation=linear
[yolo]
anchors=8,8
classes=2
"""


def seen_by(cfg, side, head=0):
    """How many columns of the input a middle cell of a head depends on: not-a-number spreads to what looks at it."""
    model = Darknet(cfg).eval()

    def reaches(columns):
        x = torch.zeros(1, cfg.net.channels, 32, side)
        x[..., columns] = torch.nan
        with torch.inference_mode():
            raw = model(x)[head]
        return bool(raw[0, 0, 0, raw.shape[3] // 2].isnan().any())

    low, high = 0, side  # the first column that is seen: the nan of all columns before it does not reach the cell
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(slice(0, middle)) else (middle, high)
    first = low
    low, high = 0, side
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if reaches(slice(middle, side)) else (low, middle)
    return low - first + 1


def thin(name):
    text = re.sub(r"filters=(?!255)(\d+)", lambda m: f"filters={max(2, int(m[1]) // 64)}", read_cfg(name).text)
    return parse_cfg(text, name)


@pytest.mark.parametrize(
    ("name", "head", "side"), [("yolov3-tiny", 0, 608), ("yolov3-tiny", 1, 608), ("yolov3", 0, 1600)]
)
def test_the_receptive_field_is_what_a_spoilt_column_reaches(name, head, side):
    cfg = thin(name)
    assert seen_by(cfg, side, head) == summarise(cfg).heads[head].field


def test_the_receptive_field_of_joined_layers_is_the_widest():
    assert seen_by(parse_cfg(OWN, "own"), 256) == summarise(parse_cfg(OWN, "own"), (64, 64)).heads[0].field


def test_the_memory_of_a_small_network_is_what_one_counts_by_hand():
    """8 x 8 x 3 in; 4 x 4 x 4 out, kept for the shortcut; as much again; the sum; 7 channels out, kept as the head."""
    text = OWN[: OWN.index("[maxpool]")] + OWN[OWN.index("[convolutional]\nfilters=7") :]
    summary = summarise(parse_cfg(text, "x"), (8, 8))
    assert summary.outputs == 4 * (64 + 64 + 64 + 112)
    assert summary.peak == 4 * max(192 + 64, 64 + 64, 64 + 64 + 64, 64 + 64 + 112)


def test_an_input_that_cells_do_not_fill_is_refused():
    with pytest.raises(UserError, match="--img-size: 400, expected a multiple of 32, the network's stride"):
        summarise(read_cfg("yolov3-tiny"), (400, 400))


def run(*given):
    return CliRunner().invoke(cli, ["info", *map(str, given)], catch_exceptions=False)


def test_a_bare_command_lists_the_networks():
    assert re.search(r"yolov3-spp +62,998,749 +66\.22 +416 x 416 +80  32, 16, 8", run().stdout)
    assert [one["name"] for one in json.loads(run("--json").stdout)] == own_cfgs()


def test_the_table_of_the_guide_is_the_programs():
    text = (Path(__file__).resolve().parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(yolov3\S*)` \| ([\d.]+) M \| ([\d, ]+\d)\D.*?\| ([\d.]+) \|", text, re.MULTILINE)
    found = {one.name: one for one in overview(None, None)}
    assert {name for name, *_ in rows} == set(found)
    for name, millions, strides, gflops in rows:
        assert (millions, gflops) == (f"{found[name].parameters / 1e6:.2f}", f"{found[name].gflops:.1f}"), name
        assert strides == ", ".join(str(head.stride) for head in found[name].heads)


def test_a_network_is_described_in_lines_and_as_json():
    text = run("yolov3-tiny", "--classes", 3, "--img-size", 320, "--layers").stdout
    assert re.search(
        r"\n +12 conv +1024 +3 x 3 / 1 +10 x 10 x +512 -> +10 x 10 x +1024 +4,720,640 +0\.944 +254\n", text
    )
    fewer = 3 * (80 - 3) * (512 + 1 + 256 + 1)  # rows of both heads, of kernels and biases
    assert (
        f"parameters   {8_852_366 - fewer:,} " in text and "81,82  135,169  344,319" in text and "320 x 320 x 3" in text
    )
    found = json.loads(run("yolov3-tiny", "--json", "--layers").stdout)
    assert found["rows"][12]["field"] == 254 and found["heads"][1]["cells_wh"] == [26, 26]


def test_a_file_says_what_it_holds(tmp_path, small_cfg):
    model = Darknet(read_cfg("yolov3-tiny").adapt(3))
    write_darknet(model, tmp_path / "a.weights", seen=640)
    write_darknet(model, tmp_path / "a.conv.15", layers=15)
    said = run(tmp_path / "a.weights").stdout
    assert "a.weights: Darknet 0.2.5, 640 pictures seen, all 13 convolutions of yolov3-tiny" in said
    assert "classes      3" in said
    assert "the first 9 of 13 convolutions of yolov3-tiny" in run(tmp_path / "a.conv.15").stdout
    small = Darknet(read_cfg(small_cfg).adapt(2, [(9, 9), (20, 20), (40, 30)]))
    save(Checkpoint("small", small.cfg.text, ("circle", "square"), 96, small.state_dict()), tmp_path / "b.pt")
    said = run(tmp_path / "b.pt").stdout
    assert "b.pt: a checkpoint, without a state to resume from" in said and "2 (circle, square)" in said
    assert "input        96 x 96 x 3" in said and "9,9  20,20  40,30" in said


def test_what_trains_in_a_cfg_is_listed_and_left_to_the_options(tmp_path):
    text = OWN.replace("[net]", "[net]\nbatch=64\nsteps=4,5") + "ignore_thresh=.7\njitter=.3\n"
    (tmp_path / "own.cfg").write_text(text)
    said = run(tmp_path / "own.cfg", "--img-size", 64).stdout
    assert "trains by batch=64, steps=4,5, ignore_thresh=.7, jitter=.3; here, the options of `detector train`" in said
    assert "trains by" not in run("yolov3-tiny").stdout


def test_a_cfg_beside_a_file_is_taken_for_its_own(tmp_path, small_cfg):
    (tmp_path / "mine.cfg").write_text(small_cfg.read_text())
    write_darknet(Darknet(read_cfg(small_cfg)), tmp_path / "mine.weights")
    said = run(tmp_path / "mine.weights").stdout
    assert f"all 4 convolutions of {tmp_path / 'mine.cfg'}" in said and "16,16  24,24  36,36" in said


def test_a_file_of_no_network_is_refused(tmp_path, small_cfg):
    write_darknet(Darknet(read_cfg(small_cfg)), tmp_path / "a.weights")
    with pytest.raises(
        UserError, match=r"a\.weights: \d+ bytes: whole layers of none of yolov3, .* its cfg as a\.cfg beside it"
    ):
        describe(str(tmp_path / "a.weights"), None, None)
    with pytest.raises(UserError, match="gone: no such model or cfg file"):
        describe("gone", None, None)
