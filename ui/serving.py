"""Files that the browser may download, and what it uploads: copies in a folder of their own.

Gradio refuses a path outside the current folder and this one. Nothing else of the workspace is ever served.
Gradio removes copies that are a day old while it runs; what it left behind when it ended is removed here.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from engine.errors import disk_errors_in_words
from ui.session import is_public, served_folder

SETTING = "GRADIO_TEMP_DIR"  # Gradio reads it when a component is made
DAY_S = 24 * 3600.0
COPY = re.compile(r"[0-9a-f]{64}|receipt-.+")  # folders of Gradio's and of our receipts: the rest is not ours


def keep_copies() -> None:
    """Put Gradio's copies where only their owner looks, and remove those that nobody removed.

    In public all of them, as the page promises; at home those a day old: another page may be open.
    """
    given = os.environ.get(SETTING)
    folder = Path(given) if given else served_folder()
    os.environ[SETTING] = str(folder)
    with disk_errors_in_words("the folder for uploads"):
        folder.mkdir(parents=True, exist_ok=True)
        if not given:
            folder.chmod(0o700)
    for place in filter(lambda one: COPY.fullmatch(one.name), folder.iterdir()):
        if is_public() or time.time() - place.stat().st_mtime > DAY_S:
            shutil.rmtree(place, ignore_errors=True)


def copied(path: Path) -> str:
    """A copy of this file for a component that offers it; the same file is copied once."""
    return save_file_to_cache(path, cache_dir=get_upload_folder())
