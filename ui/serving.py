"""Files that the browser may download: copies in Gradio's own folder.

Gradio refuses a path outside the current folder and the one for temporary files, and the workspace is
neither. Nothing of the workspace itself is ever served.
"""

from __future__ import annotations

from pathlib import Path

from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder


def copied(path: Path) -> str:
    """A copy of this file for a component that offers it; the same file is copied once."""
    return save_file_to_cache(path, cache_dir=get_upload_folder())
