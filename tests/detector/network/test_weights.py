import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from detector.boxes import decode, to_cxcywh
from detector.data.pictures import read_picture
from detector.errors import WeightsError
from detector.network.cfg import CFG_FOLDER, own_cfgs, parse_cfg, read_cfg
from detector.network.model import Convolution, Darknet, initialise
from detector.network.weights import _floats, load_darknet, load_prefix, read_darknet, write_darknet


def network(classes: int, seed: int, cfg: str | Path) -> Darknet:
    model = Darknet(read_cfg(cfg).adapt(classes))
    initialise(model, torch.Generator().manual_seed(seed))
    return model


def same(a: Darknet, b: Darknet) -> list[bool]:
    """Whether each convolution block is bit-equal."""
    return [
        all(
            torch.equal(x, y)
            for n, x in p.state_dict().items()
            if (y := q.state_dict()[n]) is not None and "batches" not in n
        )
        for p, q in zip(a.convolutions, b.convolutions, strict=True)
    ]


def test_what_is_written_is_read_back_bit_by_bit(tmp_path, small_cfg):
    one, two = network(2, 1, small_cfg), network(2, 2, small_cfg)
    write_darknet(one, tmp_path / "a.weights", seen=12345678901)
    load_darknet(two, tmp_path / "a.weights")
    assert all(same(one, two))
    write_darknet(two, tmp_path / "b.weights", seen=12345678901)
    assert (tmp_path / "a.weights").read_bytes() == (tmp_path / "b.weights").read_bytes()
    assert read_darknet(tmp_path / "b.weights").seen == 12345678901


def test_the_header_is_versions_0_2_5_and_an_int64(tmp_path, small_cfg):
    write_darknet(network(2, 1, small_cfg), tmp_path / "a.weights", seen=7)
    assert (tmp_path / "a.weights").read_bytes()[:20] == struct.pack("<3iq", 0, 2, 5, 7)


def test_an_old_header_has_an_int32(tmp_path):
    (tmp_path / "old.weights").write_bytes(struct.pack("<4i2f", 0, 1, 0, 9, 1.5, 2.5))
    file = read_darknet(tmp_path / "old.weights")
    assert (file.version, file.seen, file.floats.tolist()) == ((0, 1, 0), 9, [1.5, 2.5])


def test_a_block_is_bias_scale_mean_variance_kernel(tmp_path, small_cfg):
    model = network(2, 1, small_cfg)
    block = model.convolutions[0]
    with torch.no_grad():
        for value, tensor in enumerate(
            (block.norm.bias, block.norm.weight, block.norm.running_mean, block.norm.running_var)
        ):
            tensor.fill_(value)
    write_darknet(model, tmp_path / "a.weights")
    floats = read_darknet(tmp_path / "a.weights").floats
    assert floats[:64].tolist() == np.repeat([0.0, 1.0, 2.0, 3.0], 16).tolist()
    assert floats[64 : 64 + 432].tolist() == block.conv.weight.flatten().tolist()


def thin(name: str, classes: int, seed: int) -> Darknet:
    """A network of the project's own with a sixteenth of the filters."""
    text = re.sub(
        r"filters=(\d+)", lambda m: m[0] if m[1] == "255" else f"filters={int(m[1]) // 16}", read_cfg(name).text
    )
    model = Darknet(parse_cfg(text, name).adapt(classes))
    initialise(model, torch.Generator().manual_seed(seed))
    return model


@pytest.mark.parametrize("name", own_cfgs())
def test_every_prefix_of_every_network_is_read_back_bit_by_bit(tmp_path, name):
    one, path = thin(name, 3, 1), tmp_path / "x.conv"
    blocks = [i for i, layer in enumerate(one.layers) if isinstance(layer, Convolution)]
    for layers in (1, 2, 5, one.cfg.backbone, one.cfg.heads[0], len(one.layers) - 3, len(one.layers)):
        write_darknet(one, path, layers=layers)
        two, held = load_prefix(one.cfg, path)
        count = sum(i < layers for i in blocks)
        assert same(one, two) == [True] * count + [False] * (len(blocks) - count)
        assert blocks[count - 1] < held <= layers
        write_darknet(two, tmp_path / "again", layers=layers)
        assert path.read_bytes() == (tmp_path / "again").read_bytes()


@pytest.mark.parametrize(
    ("classes", "layers", "message"),
    [(5, None, "heads for 5 classes, expected all of"), (2, 2, "2 of 4 convolutions, expected all of")],
)
def test_a_file_that_does_not_fill_the_network_is_refused(tmp_path, small_cfg, classes, layers, message):
    write_darknet(network(classes, 1, small_cfg), tmp_path / "a.weights", layers=layers)
    model, before = network(2, 2, small_cfg), network(2, 2, small_cfg)
    with pytest.raises(WeightsError, match=rf"a\.weights: holds {message}.*for 2 classes; train from it first"):
        load_darknet(model, tmp_path / "a.weights")
    assert all(same(model, before))


@pytest.mark.parametrize(
    ("cfg", "convolutions", "floats"),
    # darknet53.conv.74 has 162,482,580 bytes; yolov3-tiny.conv.15 7,743,344 floats.
    [("yolov3", 52, (162_482_580 - 20) // 4), ("yolov3-tiny", 9, 7_743_344), ("yolov3-tiny", 7, 6_298_480)],
)
def test_the_published_prefixes_end_with_a_layer(cfg, convolutions, floats):
    model = Darknet(read_cfg(cfg).adapt(3))
    assert sum(_floats(block) for block in model.convolutions[:convolutions]) == floats


@pytest.mark.parametrize("cut", [1, 4, 400])
def test_every_byte_must_be_accounted_for(tmp_path, small_cfg, cut):
    model = network(2, 1, small_cfg)
    path = tmp_path / "a.weights"
    write_darknet(model, path)
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-cut])
    found = (
        "whole number of 4-byte floats" if cut == 1 else f"no whole number of layers of .*expected {whole} bytes for 2"
    )
    with pytest.raises(WeightsError, match=rf"a\.weights: {whole - cut} bytes.*{found}"):
        load_darknet(model, path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "0 bytes, expected a Darknet file"), (b"hello, I am a text file of some length", "is neither a Darknet")],
)
def test_a_file_that_is_no_weights_file_is_refused(tmp_path, content, message):
    (tmp_path / "x.weights").write_bytes(content)
    with pytest.raises(WeightsError, match=re.escape(message)):
        read_darknet(tmp_path / "x.weights")


@pytest.mark.realdata
def test_coco_weights_give_the_boxes_of_opencv(tiny_weights, shared_data):
    """Within .1 pixel and 1e-4 of probability, at 416; the heads' convolutions are where differences add up."""
    cv2 = pytest.importorskip("cv2")
    model = Darknet(read_cfg("yolov3-tiny"))
    load_darknet(model, tiny_weights)
    folder = shared_data / "data" / "face-mask-detection" / "images"
    picture = cv2.resize(read_picture(sorted(folder.iterdir())[0]), (416, 416))
    blob = cv2.dnn.blobFromImage(picture, 1 / 255)
    peer = cv2.dnn.readNetFromDarknet(str(CFG_FOLDER / "yolov3-tiny.cfg"), str(tiny_weights))
    peer.setInput(blob)
    theirs = sorted(peer.forward(peer.getUnconnectedOutLayersNames()), key=len)
    with torch.inference_mode():
        heads = model.eval()(torch.from_numpy(blob))
    for rows, raw, anchors, stride in zip(theirs, heads, model.anchors_wh, model.strides, strict=True):
        ours = to_cxcywh(decode(raw, anchors, stride))[0].permute(1, 2, 0, 3).reshape(-1, 4)
        objectness = raw[0, ..., 4].sigmoid().permute(1, 2, 0).flatten()
        assert np.abs(ours.numpy() - rows[:, :4] * 416).max() < 0.1
        assert np.abs(objectness.numpy() - rows[:, 4]).max() < 1e-4


@pytest.mark.realdata
def test_the_coco_weights_survive_a_round_trip(tiny_weights, tmp_path):
    model = Darknet(read_cfg("yolov3-tiny"))
    load_darknet(model, tiny_weights)
    write_darknet(model, tmp_path / "again.weights", seen=read_darknet(tiny_weights).seen)
    one, two = tiny_weights.read_bytes(), (tmp_path / "again.weights").read_bytes()
    assert one[20:] == two[20:]


@pytest.mark.realdata
def test_the_full_network_refuses_tinys_weights(tiny_weights):
    with pytest.raises(
        WeightsError, match="35434956 bytes: no whole number of layers of yolov3, expected 248007048 bytes"
    ):
        load_darknet(Darknet(read_cfg("yolov3")), tiny_weights)
