import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from detector.boxes import decode, to_cxcywh
from detector.cfg import CFG_FOLDER, read_cfg
from detector.errors import WeightsError
from detector.model import Darknet, initialise
from detector.pictures import read_picture
from detector.weights import _floats, load_darknet, read_darknet, write_darknet


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
    transfer = load_darknet(two, tmp_path / "a.weights")
    assert all(same(one, two)) and transfer.heads_kept and str(transfer) == "4 of 4 convolutions loaded"
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


def test_heads_of_another_class_count_begin_anew_and_it_is_said(tmp_path, small_cfg):
    file, model, before = network(5, 1, small_cfg), network(2, 2, small_cfg), network(2, 2, small_cfg)
    write_darknet(file, tmp_path / "five.weights")
    transfer = load_darknet(model, tmp_path / "five.weights")
    assert str(transfer) == "3 of 4 convolutions loaded; heads begin anew: the file has 5 classes, this network 2"
    assert all(same(network(2, 1, small_cfg), model)[:3]) and same(before, model)[3]


def test_a_prefix_loads_as_far_as_it_goes(tmp_path, small_cfg):
    file, model = network(2, 1, small_cfg), network(2, 2, small_cfg)
    write_darknet(file, tmp_path / "small.conv.2", layers=2)
    transfer = load_darknet(model, tmp_path / "small.conv.2")
    assert (transfer.loaded, transfer.total, transfer.heads_kept) == (2, 4, False)
    assert "the file ends after 2 convolutions" in str(transfer)
    assert same(file, model) == [True, True, False, False]


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
    assert load_darknet(model, tiny_weights).heads_kept
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
@pytest.mark.parametrize(
    ("cfg", "classes", "loaded"), [("yolov3-tiny", 80, 13), ("yolov3-tiny", 3, 11), ("yolov3-tiny-3l", 3, 11)]
)
def test_coco_weights_start_networks_of_other_classes_and_heads(tiny_weights, cfg, classes, loaded):
    assert load_darknet(network(classes, 0, cfg), tiny_weights).loaded == loaded


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
