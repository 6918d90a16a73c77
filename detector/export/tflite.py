"""A torch module as a TFLite file, by litert-torch (extra `[tflite]`, about 2 GB with what it needs; no TensorFlow).

Pictures stay (B, 3, S, S), as in torch. The batch is the example's. The description is a zip after the flatbuffer,
where TFLite keeps associated files. Limit: litert-torch has no converter for Windows; its runtime has.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

from torch import Tensor, nn

from detector.atomic import write_atomically
from detector.export.silence import silent
from detector.runtimes.extras import need


def write_tflite(module: nn.Module, example: Tensor, path: Path, texts: dict[str, str]) -> None:
    """Convert and write, whole or not at all."""
    with silent(), tempfile.TemporaryDirectory() as folder:
        converted = need("litert_torch").convert(module.eval(), (example,))
        made = Path(folder) / "model.tflite"
        converted.export(str(made))
        content = made.read_bytes()
    write_atomically(path, with_texts(content, texts))


def with_texts(content: bytes, texts: dict[str, str]) -> bytes:
    """The flatbuffer in `content` with files of text after it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, text in texts.items():
            packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return content + stream.getvalue()
