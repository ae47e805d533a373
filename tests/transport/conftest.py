import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from extractor.transport import local
from extractor.transport.models import ModelFile


@pytest.fixture(scope="session")
def server(smollm2: Path) -> local.LocalServer:
    """This process's server of the real model."""
    return local.shared("smollm2")


@pytest.fixture
def wheel(tmp_path: Path) -> Callable[..., tuple[Path, ModelFile]]:
    """Build a small wheel, as pip takes it, that holds a model file; and what MODELS would say of it."""

    def build(
        content: bytes = b"GGUF" + bytes(range(256)) * 40, member: str = "tiny_model/tiny.gguf"
    ) -> tuple[Path, ModelFile]:
        path = tmp_path / "wheels" / "tiny_model-1.0-py3-none-any.whl"
        path.parent.mkdir(exist_ok=True)
        info = "tiny_model-1.0.dist-info"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, content)
            archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
        model = ModelFile(
            name="tiny",
            package="tiny-model",
            version="1.0",
            wheel_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            wheel_size=path.stat().st_size,
            member="tiny_model/tiny.gguf",
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            licence="MIT",
            description="no model at all",
        )
        return path, model

    return build
