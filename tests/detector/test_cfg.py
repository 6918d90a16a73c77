import re

import pytest

from detector.cfg import Convolutional, Net, Route, Yolo, parse_cfg, read_cfg, shapes, sources
from detector.errors import CfgError

HEAD = "[convolutional]\nfilters=21\n[yolo]\nmask=0,1,2\nanchors=1,2, 3,4, 5,6\nclasses=2\n"


def test_a_cfg_becomes_frozen_layers_with_their_lines():
    cfg = parse_cfg("# a comment\n[net]\nwidth=96\nheight=64\n\n" + HEAD, "x.cfg")
    assert cfg.net == Net(line=2, width=96, height=64)
    assert cfg.layers == (
        Convolutional(line=6, filters=21),
        Yolo(line=8, mask=(0, 1, 2), anchors_wh=((1.0, 2.0), (3.0, 4.0), (5.0, 6.0)), classes=2),
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
    [("yolov3", [32, 16, 8], 75), ("yolov3-tiny", [32, 16], 13), ("yolov3-tiny-3l", [32, 16, 8], 16)],
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


def test_training_keys_of_users_own_files_are_accepted():
    text = "[net]\nbatch=64\nlearning_rate=0.001\nsteps=4,5\n" + HEAD.replace("[yolo]", "[yolo]\njitter=.3\nrandom=1")
    assert parse_cfg(text, "x").net.width == 416


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[net]\nwidht=3\n", "x.cfg:2: unknown key 'widht' in [net], expected one of"),
        ("[net]\n[dropout]\n", "x.cfg:2: unknown section [dropout], expected one of net, convolutional"),
        ("[net]\nwidth=big\n", "x.cfg:2: width=big, expected a number"),
        ("[net]\n[convolutional]\nfilters=3\nactivation=mish\n", "x.cfg:4: activation 'mish', expected one of leaky"),
        ("[net]\nwidth\n", "x.cfg:2: 'width', expected [section], or key=value"),
        ("width=3\n", "x.cfg:1: 'width=3', expected [section]"),
        ("[convolutional]\nfilters=1\n", "x.cfg: does not begin with [net]"),
        ("", "x.cfg: does not begin with [net]"),
        ("[net]\n[convolutional]\nfilters=1\n", "x.cfg: no [yolo] section"),
        ("[net]\n[convolutional]\nsize=1\n", "x.cfg:2: [convolutional] lacks a key, expected filters"),
        ("[net]\n[maxpool]\n[yolo]\nmask=0\nanchors=1,2\n", "x.cfg:3: [yolo] does not follow a [convolutional]"),
        ("[net]\n" + HEAD.replace("0,1,2", "0,7"), "x.cfg:4: mask (0, 7), expected indices into 3 anchors"),
        ("[net]\n" + HEAD.replace("5,6", "5"), "x.cfg:6: anchors=1,2, 3,4, 5, expected"),
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
        CfgError, match=r"yolov9: no such model or cfg file, expected .* yolov3, yolov3-tiny, yolov3-tiny-3l"
    ):
        read_cfg("yolov9")


def test_a_binary_file_is_no_cfg(tmp_path):
    (tmp_path / "x.cfg").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CfgError, match=r"x\.cfg: not a text file, expected a Darknet \.cfg"):
        read_cfg(tmp_path / "x.cfg")
