"""Claims about browser mode on the server's side: what the page is given, and that there is nowhere to send a frame."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from detector.cli import cli
from detector.detecting.inference import Thresholds
from detector.errors import UserError
from detector.export.writing import Target, describe, write
from detector.runtimes.reading import read_weights
from detector.runtimes.session import Session
from detector.serve import browser, web_runtime
from detector.serve.browser import create_browser_app
from detector.serve.guard import Rules
from detector.serve.offer import Offer, as_onnx, check_finding, digest
from detector.serve.verdicts import read_verdicts

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that stand for the runtime's, in a folder of their own."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    for name in web_runtime.ONNXRUNTIME_WEB.files:
        (folder / name).write_text(f"// {name}")
    monkeypatch.setattr(browser, "FOLDER", folder)
    return folder


@pytest.fixture
def ask(squares_pt: Path, runtime: Path, tmp_path: Path) -> Callable[..., TestClient]:
    def make(rules: Rules | None = None, how: Thresholds | None = None) -> TestClient:
        model, what = as_onnx(squares_pt, "", None, tmp_path)
        meant = read_verdicts(None, what.classes)
        offer = Offer(model, what, how or Thresholds(), meant, 25_000_000, digest(model), 14)
        return TestClient(create_browser_app(offer, rules or Rules()), base_url=HERE)

    return make


def test_the_page_is_told_the_mode_and_the_networks_description(ask):
    own = Thresholds(0.3, by_name=(("blue", 0.6),)).known_by(("red", "blue"))
    assert ask(how=own).get("/api/model").json()["network"]["confidence"] == [0.3, 0.6]
    said = ask(how=Thresholds(0.3, 0.5, agnostic=True)).get("/api/model").json()
    assert said["mode"] == "browser" and [one["name"] for one in said["classes"]] == ["red", "blue"]
    network = said["network"]
    assert network["outputs"] == "decoded" and network["side"] == 96 and network["strides"] == [8]
    assert network["anchors_wh"] == [[[32.0, 32.0]]]
    assert (network["confidence"], network["overlap"], network["agnostic"]) == ([0.3, 0.3], 0.5, True)


def test_the_model_is_given_out_once_and_then_known_by_its_hash(ask, tmp_path):
    client = ask()
    first = client.get("/model.onnx")
    assert first.content == (tmp_path / "model.onnx").read_bytes() and first.headers["cache-control"].endswith(
        "no-cache"
    )
    again = client.get("/model.onnx", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == first.headers["etag"]
    assert client.get("/model.onnx", headers={"if-none-match": '"other"'}).status_code == 200


def test_the_runtime_comes_with_the_types_that_browsers_demand_and_nothing_else_does(ask):
    client = ask()
    for name, kind in (("ort.wasm.min.mjs", "text/javascript"), ("ort-wasm-simd-threaded.wasm", "application/wasm")):
        answer = client.get(f"/runtime/{name}")
        assert answer.text == f"// {name}" and answer.headers["content-type"].split(";")[0] == kind
    for name in ("other.mjs", "..%2fapp.py", "%2e%2e/guard.py"):
        assert client.get(f"/runtime/{name}").status_code == 404, name


def test_there_is_nowhere_to_send_a_picture(ask):
    client = ask()
    answer = client.post("/api/detect", content=b"x")
    assert answer.status_code == 404 and answer.json()["error"] == "mode"
    assert "--mode server" in answer.json()["message"]
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://127.0.0.1:8000/live"):
        raise AssertionError("was let in")
    described = client.get("/openapi.json").json()["paths"]
    assert all(set(methods) == {"get"} for methods in described.values()) and "/api/detect" not in described
    assert 'detector_refused_total{code="mode"} 1' in client.get("/metrics").text.splitlines()


def test_every_answer_isolates_the_page_and_allows_webassembly_but_no_foreign_script(ask):
    client = ask()
    for path in ("/", "/page/worker.js", "/runtime/ort.wasm.min.mjs", "/model.onnx", "/nowhere"):
        headers = client.get(path).headers
        assert headers["cross-origin-opener-policy"] == "same-origin", path
        assert headers["cross-origin-embedder-policy"] == "require-corp", path
        policy = headers["content-security-policy"]
        assert "script-src 'self' 'wasm-unsafe-eval';" in policy and "worker-src 'self';" in policy
        assert "connect-src 'self';" in policy and "'unsafe-" not in policy and "http:" not in policy


def test_with_a_token_neither_model_nor_runtime_is_given_without_it(ask):
    client = ask(Rules(token="sesame"))
    for path in ("/model.onnx", "/runtime/ort.wasm.min.mjs", "/api/model"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"authorization": "Bearer sesame"}).status_code == 200


def test_weights_of_a_run_are_exported_beside_them_once_and_others_nowhere(squares_pt, tmp_path):
    run = tmp_path / "run"
    served = tmp_path / "served"
    run.mkdir(), served.mkdir()
    (run / "best.pt").write_bytes(squares_pt.read_bytes())
    as_onnx(run / "best.pt", "", None, served)
    assert [path.name for path in run.iterdir()] == ["best.pt"]
    (run / "args.yaml").write_text("data: data/x\n")
    as_onnx(run / "best.pt", "", None, served)
    kept = run / ".best-96.onnx"
    stamp = kept.stat().st_mtime_ns
    model, what = as_onnx(run / "best.pt", "", None, served)
    assert kept.stat().st_mtime_ns == stamp and model.read_bytes() == kept.read_bytes() and model.parent == served
    assert what.classes == ("red", "blue")


@pytest.mark.parametrize(
    ("name", "target", "precision", "side", "said"),
    [
        (
            "a.torchscript",
            None,
            "",
            None,
            "a.torchscript: cannot be run by a browser, expected a .pt",
        ),
        ("a.onnx", None, "", None, "a.onnx: no such file"),
        ("a.onnx", Target("onnx", batch=4), "float32", None, "takes 4 pictures at once, expected one, or any number"),
        ("a.onnx", Target("onnx"), "float16", None, "is in half floats, which browsers run badly"),
        ("a.onnx", Target("onnx"), "float32", 128, "takes pictures of 96 pixels, not 128"),
    ],
    ids=["kind", "missing", "batch", "half", "side"],
)
def test_a_model_that_a_browser_cannot_run_is_refused(squares_pt, tmp_path, name, target, precision, side, said):
    path = tmp_path / name
    if target:
        weights = read_weights(squares_pt, "", None, None)
        what = describe(weights, squares_pt, target.outputs, target.batch)
        write(weights.model, what.__class__(**{**vars(what), "precision": precision}), path, target)
        assert Session(path).what.precision == precision
    (tmp_path / "served").mkdir()
    with pytest.raises(UserError, match=re.escape(said)):
        as_onnx(path, "", side, tmp_path / "served")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (Thresholds(method="soft"), "--nms-method soft: is not done in the page, expected greedy with --mode browser"),
        (Thresholds(views="flip"), "--tta flip: is not done in the page, expected none with --mode browser"),
    ],
)
def test_ways_of_finding_that_the_page_does_not_know_are_refused(how, said):
    with pytest.raises(UserError, match=re.escape(said)):
        check_finding(how)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--runtime", "torch"),
            "--runtime torch: runs nothing with --mode browser: the page does, expected no --runtime",
        ),
        (("--device", "cuda"), "--device cuda: runs nothing with --mode browser: the page does, expected no --device"),
        ((), "--mode browser: onnxruntime-web 1.30.0 is not here; get it once with `detector serve --fetch-runtime`"),
    ],
)
def test_what_browser_mode_lacks_or_cannot_use_is_said_before_anything_is_loaded(monkeypatch, tmp_path, options, said):
    monkeypatch.setattr(web_runtime.check, "__defaults__", (tmp_path, web_runtime.ONNXRUNTIME_WEB))
    done = CliRunner().invoke(cli, ["serve", "nothing.pt", "--mode", "browser", "--port", "0", *options])
    assert isinstance(done.exception, UserError) and str(done.exception).startswith(said)
