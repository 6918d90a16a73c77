"""Claims about `detector serve` before it serves: what is wrong is said in one line; what classes mean is read."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from detector.cli import cli
from detector.errors import UserError
from detector.serve.address import Address, warnings_of
from detector.serve.verdicts import read_verdicts

GUIDE = Path(__file__).parents[3] / "docs" / "serving.md"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("green: {level: good}", "v.yaml: green: no such class, expected of the model's: red, blue"),
        ("red: {level: great}", "v.yaml: red: level 'great', expected one of neutral, good, warn, bad"),
        ("red: {level: nothing}", "v.yaml: red: level 'nothing', expected one of"),
        ("red: good", "v.yaml: red: 'good', expected keys of level, en, ko"),
        ("red: {fr: rouge}", "v.yaml: red: {'fr': 'rouge'}, expected keys of level, en, ko"),
        ("- red", "v.yaml: is not a mapping, expected `CLASS: {level: good}` lines"),
        ("red: {", "v.yaml: is not YAML"),
        (None, "v.yaml: no such file"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path, text, said):
    path = tmp_path / "v.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=re.escape(said)):
        read_verdicts(path, ("red", "blue"))


def test_the_mapping_that_the_guide_shows_is_accepted_and_the_gravest_level_counts(tmp_path):
    classes = ("with_mask", "mask_weared_incorrect", "without_mask", "hat")
    lines = re.findall(r"^    (\w+: \{level: .*\})$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    (tmp_path / "v.yaml").write_text("\n".join(lines), encoding="utf-8")
    verdicts = read_verdicts(tmp_path / "v.yaml", classes)
    levels = [verdicts.level(seen) for seen in ((), (3,), (3, 0), (0, 1), (1, 2, 0))]
    assert levels == ["nothing", "neutral", "good", "warn", "bad"]
    assert verdicts.meanings[2].words["ko"] == "마스크 미착용"
    assert verdicts.meanings[3].words == {
        "en": "hat",
        "ko": "hat",
    }
    assert verdicts.counts((2, 0, 2)) == {"with_mask": 1, "mask_weared_incorrect": 0, "without_mask": 2, "hat": 0}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (Address(certfile=Path("c.pem")), "--certfile: HTTPS needs a certificate and its key"),
        (Address(certfile=Path("c.pem"), keyfile=Path("k.pem")), "c.pem: cannot be used"),
        (Address(origins=("example.org",)), "--origin: 'example.org', expected a scheme and a host"),
        (Address(origins=("https://example.org/",)), "expected a scheme and a host"),
        (Address(token="two words"), "--token: cannot be sent in a header"),
        (Address(token="토큰"), "--token: cannot be sent in a header"),
    ],
)
def test_an_address_that_cannot_work_is_refused(address, said):
    with pytest.raises(UserError, match=re.escape(said)):
        address.check()


def test_a_port_that_is_taken_is_said(squares_pt):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = CliRunner().invoke(cli, ["serve", str(squares_pt), "--runtime", "torch", "--port", port])
    assert re.search(rf"127\.0\.0\.1:{port}: cannot listen there \(Address already in use\)", str(done.exception))


def test_opening_to_others_without_token_or_certificate_is_warned_of():
    assert warnings_of(Address()) == [] and warnings_of(Address(host="::1")) == []
    assert [line.split(";")[0] for line in warnings_of(Address(host="0.0.0.0"))] == [
        "everybody who reaches 0.0.0.0 may use it",
        "browsers give the camera to HTTPS pages only, but for this computer's own",
    ]
    assert len(warnings_of(Address(host="0.0.0.0", token="x"))) == 1


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "websockets"])
def test_a_missing_extra_is_named(monkeypatch, squares_pt, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    done = CliRunner().invoke(cli, ["serve", str(squares_pt), "--port", "0"])
    assert str(done.exception).endswith("cannot import " + missing + '; pip install "balanced-detection[web]"')
