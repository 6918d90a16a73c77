import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from detector.cli import cli
from detector.errors import UserError
from detector.loss.settings import LossSettings
from detector.network.transfer import Transferring
from detector.training.arguments import GroupedCommand, read_config, training_options
from detector.training.options import DEFAULTS, SETTINGS, Options
from detector.training.setting import GROUPS


def test_what_is_left_open_is_what_the_colleagues_leave_open():
    assert Options().loss == LossSettings() and Options().transferring == Transferring()


def test_every_option_has_a_heading_a_help_and_a_default_within_its_own_limits():
    for name, setting in SETTINGS.items():
        assert setting.group in GROUPS and setting.help.endswith((".", "]", ")")), name
        assert setting.read(DEFAULTS[name]) == DEFAULTS[name]


def test_what_is_given_reaches_the_loss_and_the_transfer():
    options = Options(box_loss="giou", objectness_balance="4,1,.4", freeze="backbone", unfreeze="2,5", body_lr=0.1)
    assert (options.loss.form, options.loss.balance) == ("giou", (4, 1, 0.4))
    assert options.transferring == Transferring(freeze="backbone", unfreeze=(2, 5), body_lr=0.1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lr": 0}, "--lr: 0, expected a number above 0"),
        ({"lr": "fast"}, "--lr: 'fast', expected a number above 0"),
        ({"lr": float("nan")}, "--lr: nan, expected a number above 0"),
        ({"epochs": 1.5}, "--epochs: 1.5, expected a whole number from 1"),
        ({"epochs": None}, "--epochs: None, expected a whole number from 1"),
        ({"epochs": True}, "--epochs: True, expected a whole number from 1"),
        ({"batch": "all"}, "--batch: 'all', expected a whole number from 1 or auto"),
        ({"momentum": 1}, "--momentum: 1, expected a number from 0 up to 0.9999"),
        ({"body_lr": 0}, "--body-lr: 0, expected a number above 0 and up to 10"),
        ({"schedule": "cosin"}, "--schedule: 'cosin', expected one of cosine, linear, step, constant"),
        ({"deterministic": "yes"}, "--deterministic: 'yes', expected true or false"),
        ({"model": ""}, "--model: '', expected words"),
        ({"objectness_balance": "4,1"}, "--objectness-balance: '4,1', expected three numbers with commas"),
        ({"objectness_balance": "4,1,-1"}, "loss: balance: -1, expected 0 or more"),
    ],
)
def test_a_value_beyond_its_limits_is_refused_by_name(given, message):
    with pytest.raises(UserError, match=re.escape(message)):
        Options(**given)


def test_a_number_in_words_is_read_as_the_number_it_is():
    options = Options(batch="16", lr="1e-3", nominal_batch=64.0)
    assert (options.batch, options.lr, options.nominal_batch) == (16, 0.001, 64)
    assert isinstance(options.nominal_batch, int) and Options(batch="auto").batch == "auto"


def test_a_file_holds_what_the_command_line_can_say(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text("lr: 1e-3\nnominal-batch: 64\nmodel: yolov3\ndeterministic: true\nweights: null\n--epochs: 3\n")
    assert read_config(file) == {
        "lr": 0.001,
        "nominal_batch": 64,
        "model": "yolov3",
        "deterministic": True,
        "weights": None,
        "epochs": 3,
    }


def test_options_written_to_yaml_are_read_back_alike(tmp_path):
    options = Options(data="x", lr=0.2, freeze="backbone", unfreeze="1,2")
    text = yaml.safe_dump({one.name: getattr(options, one.name) for one in fields(options)})
    (tmp_path / "args.yaml").write_text(text)
    assert Options(**read_config(tmp_path / "args.yaml")) == options


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3", "c.yaml: epoch: no such option, expected epochs; see `detector train --help`"),
        ("batch-size: 3", "c.yaml: batch-size: no such option, expected "),
        ("3: 4", "c.yaml: 3: no such option"),
        ("lr: -1", "c.yaml: lr: -1, expected a number above 0"),
        ("lr: [1]", "c.yaml: lr: [1], expected a number above 0"),
        ("- lr", "c.yaml: is not a mapping, expected `option: value` lines"),
        ("lr: {", "c.yaml: is not YAML"),
        (None, "c.yaml: no such file, expected a YAML file of options; see --config"),
    ],
)
def test_a_file_that_is_not_of_options_is_refused_in_one_line(tmp_path, text, message):
    if text is not None:
        (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        read_config(tmp_path / "c.yaml")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_the_help_has_every_option_once_and_under_its_heading():
    text = CliRunner().invoke(cli, ["train", "--help"]).output
    headings = [group for group in GROUPS if group in {setting.group for setting in SETTINGS.values()}] + ["Also"]
    parts = dict(zip(headings, re.split(r"\n(?:" + "|".join(headings) + r"):\n", text)[1:], strict=True))
    for name, setting in SETTINGS.items():
        option = rf"^  --{name.replace('_', '-')}\b(?!-)"
        assert [group for group, part in parts.items() if re.search(option, part, re.M)] == [setting.group], name
    assert "--config" in parts["Also"] and "--resume" in parts["Also"]


def test_the_guides_tables_are_the_programs_options_with_their_defaults():
    text = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
    for group in GROUPS:
        part = text.split(f"### {group}\n")[1].split("\n#")[0]
        rows = dict(re.findall(r"^\| `--([a-z-]+)` \| (.+?) \| .+ \|$", part, re.M))
        wanted = {}
        for name, setting in SETTINGS.items():
            left_open = re.search(r" \[(.+)\]$", setting.help)
            default = DEFAULTS[name]
            said = f"{default:g}" if type(default) is float else str(default).lower()
            if setting.group == group:
                wanted[name.replace("_", "-")] = left_open[1] if left_open and default is None else said
        assert rows == wanted, group


def test_wrong_usage_says_what_is_expected():
    found = CliRunner().invoke(cli, ["train", "--momentum", "2"])
    assert found.exit_code == 2 and "'--momentum': '2', expected a number from 0 up to 0.9999" in found.output


def test_what_is_not_given_is_left_to_the_file():
    seen = {}

    @click.command(cls=GroupedCommand)
    @training_options
    def command(**given):
        seen.update({name: value for name, value in given.items() if value is not None})

    CliRunner().invoke(command, ["--epochs", "5", "--no-sync-bn", "--batch", "auto"], catch_exceptions=False)
    assert seen == {"epochs": 5, "sync_bn": False, "batch": "auto"}
