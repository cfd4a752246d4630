"""`python -m engine`: the command line."""

import sys
from io import TextIOWrapper

from engine.cli import main

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, TextIOWrapper):  # a console of another alphabet shows “?” instead of a traceback
        stream.reconfigure(errors="replace")
sys.exit(main())
