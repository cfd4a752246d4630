"""What a spreadsheet would run: texts from strangers must stay texts there (OWASP, “CSV Injection”)."""

from __future__ import annotations

import re

# Spaces and invisible signs before it do not stop every spreadsheet, and East Asian ones take wide and
# small forms of the sign. Apostrophes before it count, so that a text marked once can be told from one that
# looked so before.
_RUNS = re.compile(
    r"'*(?:[\t\r\n]|[\s\x00-\x1f\x7f\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@＝＋－＠﹦﹢﹣﹫])")


def would_run(text: str) -> bool:
    """Whether a spreadsheet would take this cell for a formula; an apostrophe in front makes it text."""
    return _RUNS.match(text) is not None
