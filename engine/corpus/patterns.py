"""Forms that stand in collected messages: addresses, account names, shared and cut texts."""

from __future__ import annotations

import re

LINK_MARK, HANDLE_MARK = "(link)", "@user"

ADDRESS = re.compile(
    r"(?:https?://|\bwww\.|\bpic\.twitter\.com/|\bt\.co/|\bbit\.ly/)[!-~]*[!-~/]?", re.IGNORECASE
)
CUT_ADDRESS = re.compile(
    r"\bh(?:t(?:t(?:ps?)?)?)?(?::/{0,2})?(?=…)|\bhtt?p?s?:?/*\s*(?:…|\.\.\.)?$", re.IGNORECASE
)
HANDLE = re.compile(r"(?<![\w@/.+-])[@＠]\w{1,40}")
SHARED = re.compile(
    r"""^\s*(?:["“]\s*)?(?:RT|MT)\b[\s:"“]*[@＠]\w{1,40}\s*[:：]?\s*|^\s*RT\s*:\s*"""
)
CUT_MARK = re.compile(
    r"(?:\[ ?\+ ?\d{1,9} chars?\]|[\[(](?:read |see )?more[\])]|\b(?:read|see) more)$", re.I
)
INVISIBLE = re.compile(
    "[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
    "\ufff9-\ufffb\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]"
)
