import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import CfgError
from detector.network.cfg import Convolutional, Net, Route, Yolo, parse_cfg, read_cfg, shapes, sources

HEAD = "[convolutional]\nfilters=21\nactivation=linear\n[yolo]\nmask=0,1,2\nanchors=1,2, 3,4, 5,6\nclasses=2\n"


def test_a_cfg_becomes_frozen_layers_with_their_lines():
    cfg = parse_cfg("# a comment\n[net]\nwidth=96\nheight=64\n\n" + HEAD, "x.cfg")
    assert cfg.net == Net(line=2, width=96, height=64)
    assert cfg.layers == (
        Convolutional(line=6, filters=21, activation="linear"),
        Yolo(line=9, mask=(0, 1, 2), anchors_wh=((1.0, 2.0), (3.0, 4.0), (5.0, 6.0)), classes=2),
    )
    assert cfg.heads == (1,)


def test_adapting_changes_the_heads_and_the_filters_before_them_and_nothing_else():
    cfg = read_cfg("yolov3-tiny")
    three = cfg.adapt(3)
    changed = [i for i, (a, b) in enumerate(zip(cfg.layers, three.layers, strict=True)) if a != b]
    assert changed == [15, 16, 22, 23]
    assert [three.layers[i].filters for i in (15, 22)] == [24, 24]
    assert [three.layers[i].classes for i in (16, 23)] == [3, 3]
    assert cfg.layers[15].filters == 255


def test_the_second_head_of_tiny_has_the_mask_that_the_coco_weights_were_trained_with():
    cfg = read_cfg("yolov3-tiny")
    assert [cfg.layers[i].mask for i in cfg.heads] == [(3, 4, 5), (1, 2, 3)]


@pytest.mark.parametrize(
    ("name", "strides", "convolutions"),
    [
        ("yolov3", [32, 16, 8], 75),
        ("yolov3-spp", [32, 16, 8], 76),
        ("yolov3-tiny", [32, 16], 13),
        ("yolov3-tiny-3l", [32, 16, 8], 16),
    ],
)
def test_the_shipped_cfgs_have_the_published_heads(name, strides, convolutions):
    cfg = read_cfg(name)
    assert [shapes(cfg)[i][1] for i in cfg.heads] == strides
    assert sum(isinstance(layer, Convolutional) for layer in cfg.layers) == convolutions


def test_negative_indices_count_back_from_the_layer_itself():
    cfg = read_cfg("yolov3-tiny")
    assert isinstance(cfg.layers[17], Route)
    assert sources(cfg, 17) == (13,)
    assert sources(cfg, 20) == (19, 8)


USERS_OWN = """
[net]
# Training
batch=64
subdivisions=16
width=608
height=608
channels=3
momentum=0.9
decay=0.0005
angle=0
saturation = 1.5
exposure = 1.5
hue=.1
learning_rate=0.001
burn_in=1000
max_batches = 500200
policy=steps
steps=400000,450000
scales=.1,.1

[convolutional]
batch_normalize=1
filters=8
size=3
stride=1
pad=1
stopbackward=1
activation=mish

[maxpool]
size=3
stride=2
padding=2

[convolutional]
filters=21
activation=linear

[yolo]
mask = 0,1,2
anchors = 10,13,  16,30,  33,23
classes=2
num=3
jitter=.3
ignore_thresh = .7
truth_thresh = 1
iou_thresh=0.213
random=1
max=200
"""


def test_a_users_own_file_with_its_training_keys_is_read():
    cfg = parse_cfg(USERS_OWN, "x")
    head = cfg.yolos[0]
    assert (cfg.net.width, cfg.layers[0].activation, cfg.layers[1].padding) == (608, "mish", 2)
    assert (head.ignore_thresh, head.truth_thresh, head.iou_thresh, head.jitter, head.random) == (0.7, 1, 0.213, 0.3, 1)


def test_what_a_file_leaves_out_is_darknets_default():
    text = "[net]\n[convolutional]\nfilters=21\nactivation=linear\n[yolo]\nanchors=1,2, 3,4, 5,6\nclasses=2\n"
    assert parse_cfg(text, "x").yolos[0].mask == (0, 1, 2)
    cfg = parse_cfg(
        text.replace("[net]\n", "[net]\n[convolutional]\nfilters=4\n[maxpool]\nstride=2\n[upsample]\n"), "x"
    )
    conv, pool, up = cfg.layers[:3]
    assert (conv.activation, conv.size, conv.padding, conv.batch_normalize) == ("logistic", 1, 0, 0)
    assert (pool.window, pool.before, pool.after, up.stride) == (2, 0, 1, 2)


def test_own_anchors_are_sorted_and_the_smallest_go_to_the_finest_head():
    cfg = read_cfg("yolov3-tiny").adapt(3, [(50, 55), (8, 9), (15, 16), (31, 34), (102.5, 123), (21, 23)])
    assert cfg.yolos[0].anchors_wh == ((8, 9), (15, 16), (21, 23), (31, 34), (50, 55), (102.5, 123))
    assert [head.mask for head in cfg.yolos] == [(3, 4, 5), (0, 1, 2)]


def test_a_head_takes_as_many_anchors_as_its_share():
    cfg = read_cfg("yolov3").adapt(3, [(2 * i, 3 * i) for i in range(1, 7)])
    assert [head.mask for head in cfg.yolos] == [(4, 5), (2, 3), (0, 1)]
    assert [cfg.layers[i - 1].filters for i in cfg.heads] == [16, 16, 16]
    assert [head.num for head in cfg.yolos] == [6, 6, 6]


def test_the_text_of_an_adapted_cfg_describes_it():
    cfg = read_cfg("yolov3-spp").adapt(3, [(i, i + 0.5) for i in range(1, 10)])
    again = parse_cfg(cfg.text, cfg.name)
    assert again == cfg and again.adapt(3) == cfg
    kept = [line for line in read_cfg("yolov3-spp").text.splitlines() if not re.match("filters|classes|anchors", line)]
    assert [line for line in cfg.text.splitlines() if not re.match("filters|classes|anchors", line)] == kept


def test_keys_that_a_file_lacks_are_added_where_it_is_adapted():
    text = "[net]\n[convolutional]\nfilters=25\nactivation=linear\n[yolo]\nanchors=1,2\n"
    cfg = parse_cfg(text, "x").adapt(2, [(3, 4), (5, 6)])
    assert (cfg.yolos[0].mask, cfg.yolos[0].classes, cfg.layers[0].filters) == ((0, 1), 2, 14)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 900), st.floats(0.01, 900)), min_size=1, max_size=4), st.integers(1, 99))
def test_adapting_keeps_every_anchor_and_adapts_back(pairs, classes):
    cfg = read_cfg("yolov3-tiny")
    adapted = cfg.adapt(classes, [*pairs, *pairs])
    assert np.allclose(sorted(adapted.yolos[0].anchors_wh), sorted([*pairs, *pairs]), rtol=1e-9)
    assert sorted(i for head in adapted.yolos for i in head.mask) == list(range(2 * len(pairs)))
    assert adapted.adapt(80, cfg.yolos[0].anchors_wh).layers[:17] == cfg.layers[:17]


@pytest.mark.parametrize(
    ("anchors", "message"),
    [
        ([(1, 2)] * 7, "anchors: 7 for the 2 heads of yolov3-tiny, expected a multiple of 2: 2, 4, 6"),
        ([], "anchors: 0 for the 2 heads of yolov3-tiny"),
        ([(1, 2), (3, 0)], "anchors: a side of 0 pixels, expected above 0"),
    ],
)
def test_anchors_must_fit_the_heads(anchors, message):
    with pytest.raises(CfgError, match=re.escape(message)):
        read_cfg("yolov3-tiny").adapt(3, anchors)


def test_an_adapted_cfg_needs_a_class():
    with pytest.raises(CfgError, match="yolov3-tiny: 0 classes, expected at least 1"):
        read_cfg("yolov3-tiny").adapt(0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[net]\nwidht=3\n", "x.cfg:2: unknown key 'widht' in [net], expected one of"),
        ("[net]\nwidht=3\n", "a key of Darknet's that trains; did you mean width?"),
        (
            "[net]\n[convolutional]\nfilters=3\ndontload=1\n",
            "x.cfg:4: dontload=1 is not built here, expected dontload=0",
        ),
        ("[net]\n[lstm]\n", "x.cfg:2: unknown section [lstm], expected one of net, convolutional"),
        (
            "[net]\n[dropout]\n",
            "x.cfg:2: [dropout] is not built here, expected one of net, convolutional, maxpool",
        ),
        ("[net]\n[dropout]\n", "yolo; take it out, and count the layers that route and shortcut name anew"),
        ("[net]\n[avgpool]\n", "yolo; it ends a classifier; a detector ends in [yolo]"),
        ("[net]\n" + HEAD + "[net]\n", "x.cfg:9: a second [net], expected one"),
        ("[net]\nwidth=0\n" + HEAD, "x.cfg:1: a network of no input"),
        ("[net]\nwidth=32\nwidth=64\n", "x.cfg:3: width=64, but it was width=32 before"),
        ("[net]\n[convolutional]\nfilters=3\nxnor=1\n", "x.cfg:4: xnor=1 is not built here, expected xnor=0"),
        ("[net]\n" + HEAD + "scale_x_y=1.05\n", "x.cfg:9: scale_x_y=1.05 is not built here, expected scale_x_y=1"),
        ("[net]\n" + HEAD + "num=6\n", "x.cfg:5: num=6, but there are 3 anchors"),
        (
            "[net]\n" + HEAD.replace("classes=2", "classes=3"),
            "x.cfg:2: filters=21 before a [yolo] of 3 anchors and 3 classes, expected filters=24",
        ),
        (
            "[net]\n" + HEAD.replace("=linear", "=leaky"),
            "x.cfg:2: activation=leaky before [yolo], expected activation=linear",
        ),
        ("[net]\n" + HEAD.replace("1,2, ", "0,2, "), "x.cfg:5: no classes, or an anchor of no size"),
        (
            "[net]\n" + HEAD + HEAD.replace("21", "24").replace("classes=2", "classes=3"),
            "x.cfg: heads of 2, 3 classes, expected the same",
        ),
        (
            "[net]\n[convolutional]\nfilters=4\nsize=3\n" + HEAD,
            "x.cfg:2: size 3, stride 1 and padding 0 in all, expected padding of 2 to 2",
        ),
        ("[net]\n[convolutional]\nfilters=999999999\n" + HEAD, "x.cfg:2: a kernel of 2,999,999,997 numbers, expected"),
        ("[net]\n[convolutional]\nfilters=4\ngroups=2\n" + HEAD, "x.cfg:2: 2 groups of 3 channels and 4 filters"),
        ("[net]\n[maxpool]\nsize=2\nstride=1\npadding=0\n" + HEAD, "x.cfg:2: size 2, stride 1 and padding 0 in all"),
        ("[net]\n[upsample]\n" + HEAD, "x.cfg:2: enlarges by 2 what was made 1 times smaller"),
        (
            "[net]\n[maxpool]\nstride=1\n[route]\nlayers=-1\ngroups=2\n" + HEAD,
            "x.cfg:4: group_id=0 of groups=2 of [3] channels",
        ),
        ("[net]\nwidth=big\n", "x.cfg:2: width=big, expected a number"),
        ("[net]\n[convolutional]\nfilters=3\nactivation=gelu\n", "x.cfg:4: activation 'gelu', expected one of linear"),
        ("[net]\nwidth\n", "x.cfg:2: 'width', expected [section], or key=value"),
        ("width=3\n", "x.cfg:1: 'width=3', expected [section]"),
        ("[convolutional]\nfilters=1\n", "x.cfg: does not begin with [net]"),
        ("", "x.cfg: does not begin with [net]"),
        ("[net]\n[convolutional]\nfilters=1\n", "x.cfg: no [yolo] section"),
        ("[net]\n[convolutional]\nsize=1\n", "x.cfg:2: [convolutional] lacks a key, expected filters"),
        ("[net]\n[maxpool]\n[yolo]\nmask=0\nanchors=1,2\n", "x.cfg:3: [yolo] does not follow a [convolutional]"),
        ("[net]\n" + HEAD.replace("0,1,2", "0,7"), "x.cfg:5: mask (0, 7), expected indices into 3 anchors"),
        ("[net]\n" + HEAD.replace("5,6", "5"), "x.cfg:7: anchors=1,2, 3,4, 5, expected"),
        ("[net]\n[route]\nlayers=5\n" + HEAD, "x.cfg:2: refers to layer (5,), expected an earlier layer than 0"),
        ("[net]\n[convolutional]\nfilters=0\n" + HEAD, "x.cfg:2: a convolution of nothing"),
        (
            "[net]\n[convolutional]\nfilters=4\n[convolutional]\nfilters=4\nstride=2\n[shortcut]\nfrom=-2\n" + HEAD,
            "x.cfg:7: joins layers of unlike shapes",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(text, message):
    with pytest.raises(CfgError, match=re.escape(message)):
        parse_cfg(text, "x.cfg")


def test_a_name_that_is_no_model_lists_those_there_are():
    with pytest.raises(
        CfgError,
        match=r"yolov9: no such model or cfg file, expected .* yolov3, yolov3-spp, yolov3-tiny, yolov3-tiny-3l",
    ):
        read_cfg("yolov9")


def test_a_binary_file_is_no_cfg(tmp_path):
    (tmp_path / "x.cfg").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CfgError, match=r"x\.cfg: not a text file, expected a Darknet \.cfg"):
        read_cfg(tmp_path / "x.cfg")


LINES = [
    *read_cfg("yolov3-tiny").text.splitlines(),
    "[route]",
    "layers=-1",
    "layers=9,8",
    "groups=2",
    "stride=0",
    "mask=0",
]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 200), st.one_of(st.sampled_from(LINES), st.text(max_size=20)), st.booleans())
def test_a_spoilt_file_is_read_or_refused_in_one_line(at, line, instead):
    lines = read_cfg("yolov3-tiny").text.splitlines()
    lines[at : at + instead] = line.splitlines()
    try:
        cfg = parse_cfg("\n".join(lines), "x.cfg")
    except CfgError as error:
        assert str(error).startswith("x.cfg") and "\n" not in str(error)
    else:
        assert len(shapes(cfg)) == len(cfg.layers) and parse_cfg(cfg.adapt(3).text, "x").adapt(3).yolos[0].classes == 3


# What parser.c of 2018 looks up in each section, beside what makes the network.
DARKNETS = {
    "net": "batch learning_rate momentum decay subdivisions time_steps=1 notruth random adam B1 B2 eps inputs max_crop "
    "min_crop max_ratio min_ratio center clip angle aspect saturation exposure hue policy burn_in power step scale "
    "steps scales gamma max_batches",
    "convolutional": "size stride pad padding groups batch_normalize=0 binary=0 xnor=0 flipped=0 dot=0",
    "maxpool": "stride size padding=0",
    "upsample": "scale stride",
    "yolo": "max jitter ignore_thresh truth_thresh random map=x.map",
}
EVERYWHERE = (
    "clip truth=0 onlyforward stopbackward dontsave=0 dontload=0 numload=0 dontloadscales=0 learning_rate smooth"
)


@pytest.mark.parametrize("section", DARKNETS)
def test_every_key_of_darknets_parser_is_accepted(section):
    named = DARKNETS[section].split() + (EVERYWHERE.split() if section != "net" else [])
    lines = "\n".join(one if "=" in one else f"{one}=1" for one in named)
    stem = "[net]\n[convolutional]\nfilters=4\n[maxpool]\n[maxpool]\nstride=2\n[upsample]\n" + HEAD
    text = re.sub(rf"(\[{section}\]\n)", rf"\1{lines}\n", stem, count=1)
    assert parse_cfg(text, "x").yolos[0].classes == 2
