import re
from pathlib import Path

import pytest
import torch

from detector.boxes import decode
from detector.errors import UserError, WeightsError
from detector.network.cfg import parse_cfg, read_cfg
from detector.network.checkpoint import Checkpoint, save
from detector.network.model import Darknet, initialise
from detector.network.transfer import (
    Transferring,
    apply_freeze,
    check,
    coco_names,
    frozen_layers,
    groups,
    read_epochs,
    start,
)
from detector.network.weights import load_darknet, write_darknet

CLASSES = ("circle", "square")


def network(cfg, classes=2, seed=0):
    model = Darknet(read_cfg(cfg).adapt(classes))
    initialise(model, torch.Generator().manual_seed(seed))
    return model


def kept(model, path, classes=CLASSES):
    save(Checkpoint(model.cfg.name, model.cfg.text, classes, 96, model.state_dict()), path)
    return path


def equal_layers(a, b):
    """Numbers of the layers that hold the same weights, bit by bit."""
    one, two = a.state_dict(), b.state_dict()
    names = {i: [n for n in one if n.startswith(f"layers.{i}.")] for i in range(len(a.layers))}
    return [i for i, many in names.items() if many and all(torch.equal(one[n], two[n]) for n in many)]


def test_the_same_classes_take_over_everything(tmp_path, small_cfg):
    one, two = network(small_cfg, seed=1), network(small_cfg, seed=2)
    transfer = start(two, CLASSES, kept(one, tmp_path / "a.pt"))
    assert transfer.heads_kept and str(transfer) == "4 of 4 convolutions loaded"
    assert equal_layers(one, two) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("part", "layers"), [("all", [0, 1, 2, 3]), ("backbone", [0, 1, 2]), ("heads", [3]), ("none", [])]
)
def test_only_the_part_that_is_asked_for_is_taken_over(tmp_path, small_cfg, part, layers):
    one, two = network(small_cfg, seed=1), network(small_cfg, seed=2)
    transfer = start(two, CLASSES, kept(one, tmp_path / "a.pt"), Transferring(part))
    assert equal_layers(one, two) == layers and transfer.loaded == len(layers)


def test_fresh_heads_begin_anew_though_they_would_fit(tmp_path, small_cfg):
    one, two = network(small_cfg, seed=1), network(small_cfg, seed=2)
    transfer = start(two, CLASSES, kept(one, tmp_path / "a.pt"), Transferring(fresh_heads=True))
    assert equal_layers(one, two) == [0, 1, 2]
    assert str(transfer) == "3 of 4 convolutions loaded; layer 3 begins anew"


def test_a_head_of_other_classes_keeps_boxes_objectness_and_classes_of_the_same_name(tmp_path, small_cfg):
    one, two, before = network(small_cfg, seed=1), network(small_cfg, 3, seed=2), network(small_cfg, 3, seed=2)
    transfer = start(two, ("star", "square", "ring"), kept(one, tmp_path / "a.pt"))
    assert str(transfer) == (
        "3 of 4 convolutions loaded; 1 head keeps its boxes and objectness and the classes square; "
        "classes star, ring begin anew; the file's classes: circle, square"
    )
    for name in ("weight", "bias"):
        old, new, first = (getattr(m.head_convolutions[0].conv, name) for m in (one, two, before))
        old, new, first = old.reshape(3, 7, -1), new.reshape(3, 8, -1), first.reshape(3, 8, -1)
        assert torch.equal(new[:, :5], old[:, :5])
        assert torch.equal(new[:, 6], old[:, 6])
        assert torch.equal(new[:, [5, 7]], first[:, [5, 7]])


def test_the_same_classes_in_another_order_are_mapped_by_name(tmp_path, small_cfg):
    one, two = network(small_cfg, seed=1), network(small_cfg, seed=2)
    start(two, ("square", "circle"), kept(one, tmp_path / "a.pt"))
    x = torch.rand(1, 3, 96, 96)
    with torch.inference_mode():
        mine, theirs = two.eval()(x)[0], one.eval()(x)[0]
    assert torch.allclose(mine, theirs[..., [0, 1, 2, 3, 4, 6, 5]], atol=1e-6)


def test_a_darknet_file_of_unknown_classes_gives_its_boxes(tmp_path, small_cfg):
    one, two = network(small_cfg, 5, seed=1), network(small_cfg, seed=2)
    write_darknet(one, tmp_path / "five.weights")
    said = str(start(two, CLASSES, tmp_path / "five.weights"))
    assert said == (
        "3 of 4 convolutions loaded; 1 head keeps its boxes and objectness; classes circle, square begin anew; "
        "the file has 5 classes, this network 2"
    )


def test_a_head_of_another_number_of_anchors_begins_anew(tmp_path, small_cfg):
    one = network(small_cfg, 5, seed=1)
    text = small_cfg.read_text().replace("mask=0,1,2", "mask=0,1").replace("filters=21", "filters=14")
    two = Darknet(parse_cfg(text, "two"))
    before = two.head_convolutions[0].conv.weight.clone()
    start(two, CLASSES, kept(one, tmp_path / "a.pt", tuple("abcde")))
    assert torch.equal(two.head_convolutions[0].conv.weight, before)


def test_a_prefix_loads_as_far_as_it_goes(tmp_path, small_cfg):
    one, two = network(small_cfg, seed=1), network(small_cfg, seed=2)
    write_darknet(one, tmp_path / "small.conv.2", layers=2)
    transfer = start(two, CLASSES, tmp_path / "small.conv.2")
    assert equal_layers(one, two) == [0, 1]
    assert str(transfer) == "2 of 4 convolutions loaded; layers 2, 3 begin anew"


def test_a_network_of_another_kind_takes_nothing_and_says_so(tmp_path, small_cfg):
    other = Darknet(read_cfg("yolov3").adapt(2))
    with pytest.raises(WeightsError, match=r"a\.pt: nothing in it fits yolov3"):
        start(other, ("x", "y"), kept(network(small_cfg), tmp_path / "a.pt"))


def test_a_network_takes_what_it_shares_with_another_of_the_projects(tmp_path):
    one, two = network("yolov3-tiny-3l", 80, seed=1), network("yolov3-tiny", 3, seed=2)
    write_darknet(one, tmp_path / "three.weights")
    said = str(start(two, ("a", "b", "c"), tmp_path / "three.weights"))
    assert said.startswith(
        "11 of 13 convolutions loaded; 2 heads keep their boxes and objectness; classes a, b, c begin"
    )
    assert all(torch.equal(one.state_dict()[f"layers.{i}.conv.weight"], two.layers[i].conv.weight) for i in (0, 12, 21))


@pytest.mark.realdata
def test_a_kept_head_of_coco_gives_cocos_boxes(tiny_weights):
    coco, ours = Darknet(read_cfg("yolov3-tiny")), network("yolov3-tiny", 3)
    load_darknet(coco, tiny_weights)
    said = str(start(ours, ("with_mask", "person", "other"), tiny_weights))
    assert said.startswith(
        "11 of 13 convolutions loaded; 2 heads keep their boxes and objectness and the classes person;"
    )
    x = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        pairs = list(zip(ours.eval()(x), coco.eval()(x), ours.anchors_wh, ours.strides, strict=True))
    for mine, theirs, anchors, stride in pairs:
        assert torch.allclose(decode(mine, anchors, stride), decode(theirs, anchors, stride), atol=1e-2)
        assert torch.allclose(mine[..., 4], theirs[..., 4], atol=1e-4)
        assert torch.allclose(mine[..., 6], theirs[..., 5], atol=1e-4)


@pytest.mark.realdata
def test_tiny_with_three_heads_takes_two_from_coco(tiny_weights):
    model = network("yolov3-tiny-3l", 3)
    said = str(start(model, ("a", "b", "c"), tiny_weights))
    assert "11 of 16 convolutions loaded; 2 heads keep their boxes" in said and "layers 25, 28, 29 begin anew" in said


def test_cocos_names_are_eighty_from_person_to_toothbrush():
    names = coco_names()
    assert (len(names), names[0], names[79]) == (80, "person", "toothbrush")


@pytest.mark.parametrize(("name", "layers"), [("yolov3", 75), ("yolov3-tiny", 13), ("yolov3-tiny-3l", 13)])
def test_the_backbone_is_darknets(name, layers):
    assert read_cfg(name).backbone == layers


def test_frozen_layers_thaw_by_epoch_those_near_the_heads_first():
    model = network("yolov3-tiny", 3)
    how = Transferring(freeze="backbone", unfreeze=(2, 4))
    assert frozen_layers(model, how, 0) == frozen_layers(model, how, 1) == {0, 2, 4, 6, 8, 10, 12}
    assert frozen_layers(model, how, 2) == frozen_layers(model, how, 3) == {0, 2, 4, 6}
    assert frozen_layers(model, how, 4) == frozen_layers(model, how, 99) == set()
    assert frozen_layers(model, Transferring(freeze=3), 99) == {0, 2}


def one_step(model, how):
    """What an epoch does, in small: train mode, one batch, one step."""
    optimizer = torch.optim.SGD(groups(model, how, 5e-4, 0.1), lr=0.1, momentum=0.9)
    model.train()
    sum(head.square().sum() for head in model(torch.rand(2, 3, 96, 96))).backward()
    optimizer.step()


def test_frozen_layers_neither_learn_nor_gather_statistics_even_after_train(small_cfg):
    model, before = network(small_cfg), network(small_cfg)
    how = Transferring(freeze=2)
    assert apply_freeze(model, how, 0) == {0, 1}
    one_step(model, how)
    assert equal_layers(model, before) == [0, 1]


def test_thawed_layers_learn_again(small_cfg):
    model, before = network(small_cfg), network(small_cfg)
    how = Transferring(freeze="backbone", unfreeze=(1,))
    apply_freeze(model, how, 0)
    one_step(model, how)
    assert equal_layers(model, before) == [0, 1, 2]
    apply_freeze(model, how, 1)
    one_step(model, how)
    assert equal_layers(model, before) == []


def test_frozen_statistics_stand_still_while_the_backbone_learns(small_cfg):
    model, before = network(small_cfg), network(small_cfg)
    how = Transferring(freeze_norm=True)
    apply_freeze(model, how, 0)
    one_step(model, how)
    for index in range(3):
        assert torch.equal(model.layers[index].norm.running_mean, before.layers[index].norm.running_mean)
        assert not torch.equal(model.layers[index].conv.weight, before.layers[index].conv.weight)


def test_each_parameter_is_in_one_group_and_only_kernels_are_decayed():
    model = network("yolov3-tiny", 3)
    found = groups(model, Transferring(body_lr=0.1), 5e-4, 0.01)
    together = [id(p) for group in found for p in group["params"]]
    assert sorted(together) == sorted(id(p) for p in model.parameters())
    assert [(g["weight_decay"], round(g["lr"], 9), g["share"]) for g in found] == [
        (5e-4, 0.001, 0.1), (0.0, 0.001, 0.1), (5e-4, 0.01, 1.0), (0.0, 0.01, 1.0)
    ]  # fmt: skip
    assert [{p.ndim for p in g["params"]} for g in found] == [{4}, {1}, {4}, {1}]
    body = {id(p) for i in range(13) for p in model.layers[i].parameters()}
    assert {id(p) for g in found[:2] for p in g["params"]} == body


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"transfer": "body"}, "--transfer: 'body', expected one of all, backbone, heads, none"),
        ({"freeze": "neck"}, "--freeze: 'neck', expected a number of layers, or backbone"),
        ({"freeze": -1}, "--freeze: -1, expected a number of layers"),
        ({"freeze": 3, "unfreeze": (5, 5)}, "--unfreeze: 5,5, expected rising epochs above 0"),
        ({"freeze": 3, "unfreeze": (0,)}, "--unfreeze: 0, expected rising epochs above 0"),
        ({"unfreeze": (5,)}, "--unfreeze: nothing is frozen, expected --freeze N or --freeze backbone"),
        ({"body_lr": 0.0}, "--body-lr: 0, expected a share of the learning rate"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given, message):
    with pytest.raises(UserError, match=re.escape(message)):
        Transferring(**given)


@pytest.mark.parametrize(
    ("how", "weights", "message"),
    [
        (Transferring(freeze=9), "a.pt", "--freeze: 9, expected at most 3: from there on"),
        (Transferring(freeze=2), None, "--freeze: no --weights are given, expected weights to keep"),
        (Transferring("heads", freeze="backbone"), "a.pt", "--freeze: --transfer heads leaves the backbone random"),
        (Transferring("none", freeze_norm=True), "a.pt", "--freeze-norm: --transfer none leaves the backbone random"),
    ],
)
def test_what_was_never_loaded_is_not_frozen(small_cfg, how, weights, message):
    with pytest.raises(UserError, match=re.escape(message)):
        check(network(small_cfg), how, Path(weights) if weights else None)


def test_epochs_are_read_from_a_text():
    assert (read_epochs("5"), read_epochs("5, 8,11"), read_epochs("")) == ((5,), (5, 8, 11), ())
    with pytest.raises(UserError, match="--unfreeze: 'soon', expected epochs with commas"):
        read_epochs("soon")
