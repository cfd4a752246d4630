"""Bytes of a download as they come, for whoever shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def byte_counter(tell: Callable[[int], None]) -> type[Any]:
    """A silent progress bar (a tqdm class) that hands the bytes of one file so far on to `tell`."""
    from tqdm import tqdm

    class Bar(tqdm):
        """Counts bytes for the caller instead of drawing."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - tqdm's own
            kwargs["disable"] = True
            kwargs.pop("name", None)
            super().__init__(*args, **kwargs)
            self.here = int(kwargs.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            """Count `n` more bytes."""
            self.here += int(n or 0)
            tell(self.here)

    return Bar
