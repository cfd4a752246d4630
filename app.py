"""Builds and launches the page; also the entry point of a Space.

    python app.py [--no-browser]
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from engine.errors import EngineError
from ui.layout import build
from ui.serving import keep_copies
from ui.session import forget_visitors, is_public, upload_limit_mb
from ui.theme import STYLE, theme


def settings(*, open_browser: bool) -> dict[str, Any]:
    """What `launch` is given. Nothing is recorded, nothing is sent anywhere."""
    port = os.environ.get("GRADIO_SERVER_PORT")
    return {
        "server_name": "0.0.0.0" if is_public() else "127.0.0.1",
        "server_port": int(port) if port else None,  # None: the first free one from 7860
        "inbrowser": open_browser and not is_public(),
        "theme": theme(), "css_paths": [STYLE], "footer_links": ["settings"],
        "run_history": False, "ssr_mode": False, "share": False,
        "max_file_size": f"{upload_limit_mb()}mb",
    }


def main() -> None:
    """Open the page."""
    parser = argparse.ArgumentParser(description="Open ANON Studio in the browser.")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    given = parser.parse_args()
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        chosen = settings(open_browser=not given.no_browser)
        forget_visitors()
        keep_copies()
    except EngineError as error:
        parser.exit(1, error.lines() + "\n")
    demo = build()
    demo.queue(max_size=64, default_concurrency_limit=4)
    demo.launch(**chosen)


if __name__ == "__main__":
    main()
