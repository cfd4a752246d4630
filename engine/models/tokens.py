"""Counting tokens and writing chats the way a model reads them, light enough for the page process.

Uses the model's own `tokenizer.json` and chat template. Does not: import torch or transformers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from engine.errors import WeightsError

Messages = Sequence[Mapping[str, str]]
"""[{"role": "system" | "user" | "assistant", "content": text}, …]"""

_SPECIAL = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
)


class _Generation(Extension):
    """`{% generation %}` marks the assistant's words for training; here they just pass through."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Drop the markers, keep what stands between them."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@dataclass(frozen=True, eq=False)
class TokenCounter:
    """A model's tokenizer and chat template. Immutable; may be kept for the life of the page."""

    tokenizer: Tokenizer
    template: str | None = None
    special: Mapping[str, str] = field(default_factory=dict)
    name: str = "this model"

    @classmethod
    def from_folder(cls, path: Path) -> TokenCounter:
        """Read `tokenizer.json` and the chat template of a model. Raises `WeightsError`."""
        file = path / "tokenizer.json"
        if not file.is_file():
            raise WeightsError(f"“{path.name}” has no tokenizer.json.", "Install the model again.")
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        settings = _json(path / "tokenizer_config.json")
        special = {key: _text(settings[key]) for key in _SPECIAL if settings.get(key)}
        return cls(tokenizer, _template(path, settings), special, path.name)

    def encode(self, text: str) -> list[int]:
        """Token ids of `text` as it stands: special tokens in it count as one, none are added."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens included."""
        return self.tokenizer.decode(list(ids), skip_special_tokens=False)

    def count(self, text: str) -> int:
        """How many tokens `text` is."""
        return len(self.tokenizer.encode(text, add_special_tokens=False))

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text is; faster than one by one."""
        encoded = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(one) for one in encoded]

    def render_chat(self, messages: Messages, add_generation_prompt: bool = True) -> str:
        """The exact text the model reads for a chat. Raises `WeightsError` without a template."""
        if self.template is None:
            raise WeightsError(
                f"“{self.name}” has no chat template: it was not trained to follow instructions.",
                "Choose a model whose name ends in “Instruct”.",
            )
        try:
            return self._compiled.render(
                messages=[dict(message) for message in messages],
                tools=None,
                documents=None,
                add_generation_prompt=add_generation_prompt,
                enable_thinking=False,  # Qwen3 and its like would think aloud before they answer
                **self.special,
            )
        except TemplateError as error:
            raise WeightsError(
                f"The chat template of “{self.name}” refuses these messages: {error}.",
                "Some models take no system message: move its text into the first "
                "message, or choose another model.",
            ) from error

    @cached_property
    def _compiled(self) -> Any:  # noqa: ANN401 - a jinja2 template
        room = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
        )
        room.filters["tojson"] = _to_json
        room.globals["raise_exception"] = _refuse
        room.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        try:
            return room.from_string(self.template or "")
        except TemplateError as error:
            raise WeightsError(
                f"The chat template of “{self.name}” cannot be read ({error}).",
                "Install the model again, or choose another one.",
            ) from error


@lru_cache(maxsize=4)
def token_counter(path: Path) -> TokenCounter:
    """`TokenCounter.from_folder`, read once. Raises `WeightsError`."""
    return TokenCounter.from_folder(path)


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)


def _to_json(
    value: Any,  # noqa: ANN401 - any JSON
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _text(token: Any) -> str:  # noqa: ANN401 - a string or {"content": …}
    return token["content"] if isinstance(token, dict) else str(token)


def _template(path: Path, settings: Mapping[str, Any]) -> str | None:
    """From its own file, else from the tokenizer's settings (the “default” one of several)."""
    file = path / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    held = settings.get("chat_template")
    if isinstance(held, list):
        return next((entry["template"] for entry in held if entry["name"] == "default"), None)
    return held
