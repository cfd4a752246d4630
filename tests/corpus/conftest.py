"""What the corpus tests share: small files written, real ones found (skipped where absent)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
WriteFile = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Write text (UTF-8 unless said otherwise) or bytes to a file of that name."""

    def _write(name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return _write


@pytest.fixture
def shared_data() -> Path:
    """Real material outside the project; tests that need it skip where it is not there."""
    if not SHARED.is_dir():
        pytest.skip("the shared test material is not on this machine")
    return SHARED
