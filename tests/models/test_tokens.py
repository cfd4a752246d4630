"""The page's token counts and chats equal what the model's own library makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import WeightsError
from engine.models.tokens import TokenCounter
from engine.models.weights import installed
from engine.workspace import Workspace
from tests.models.conftest import model_files, write_folder

CHATS = [
    [{"role": "user", "content": "Which hazard? <b>\"flood\"</b> & 'fire'\n\n  A) flood"}],
    [
        {"role": "system", "content": "You sort messages."},
        {"role": "user", "content": "¿Inundación? 🌊"},
    ],
    [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "  c  "},
    ],
]
TEXTS = [
    "",
    "Bridge out near Ostrava, 12 families cut off!!",
    "room 10, a  1 12345",
    "cafe\u0301 — नमस्ते 水害 🚒🌊",
    "<|im_start|>user\nhi<|im_end|>\n",
    "\t\r\n  x",
]
CHAT_MODELS = [
    "smollm2-135m-instruct",
    "qwen2.5-coder-0.5b-instruct",
    "qwen2.5-coder-1.5b-instruct",
]


def installed_folder(name: str) -> Path:
    """The folder of a model on this machine, else the test is skipped."""
    for model in installed(Workspace.default().models):
        if model.name == name:
            return model.path
    pytest.skip(f"{name} is not installed (python -m engine models get {name})")


@pytest.fixture(scope="module", params=CHAT_MODELS)
def pair(request: pytest.FixtureRequest) -> tuple[TokenCounter, Any]:
    """A model's counter, and its tokenizer by transformers."""
    from engine.models.loading import load_tokenizer

    folder = installed_folder(request.param)
    return TokenCounter.from_folder(folder), load_tokenizer(folder)


@pytest.mark.parametrize("prompt", [True, False])
def test_chats_read_exactly_as_the_model_reads_them(
    pair: tuple[TokenCounter, Any], prompt: bool
) -> None:
    counter, reference = pair
    for chat in CHATS:
        text = reference.apply_chat_template(chat, tokenize=False, add_generation_prompt=prompt)
        assert counter.render_chat(chat, prompt) == text
        ids = reference.apply_chat_template(chat, add_generation_prompt=prompt, return_dict=False)
        assert counter.encode(text) == ids


def test_texts_are_cut_exactly_as_the_model_cuts_them(pair: tuple[TokenCounter, Any]) -> None:
    counter, reference = pair
    for text in TEXTS:
        assert counter.encode(text) == reference(text, add_special_tokens=False).input_ids
        assert counter.encode(text) == reference(text).input_ids  # no stray token at the start
        assert counter.count(text) == len(counter.encode(text))
    assert counter.count_many(TEXTS) == [counter.count(text) for text in TEXTS]
    assert len(counter.encode("<|im_start|>")) == len(counter.encode("<|im_end|>")) == 1
    plain = "Überflutung 12:30,  two  spaces\n🌊"
    assert counter.decode(counter.encode(plain)) == plain


def test_the_encoder_counts_long_texts_in_full() -> None:
    counter = TokenCounter.from_folder(installed_folder("all-minilm-l6-v2"))
    assert counter.count("flood " * 600) == 600 and counter.template is None


def folder_with(tmp_path: Path, template: object, **settings: object) -> TokenCounter:
    """A counter whose chat template is `template`."""
    config = json.dumps({"chat_template": template, **settings}).encode()
    return TokenCounter.from_folder(
        write_folder(tmp_path / "m", {**model_files(), "tokenizer_config.json": config})
    )


def test_templates_may_stand_in_the_settings_with_named_special_tokens(tmp_path: Path) -> None:
    body = (
        "{{ bos_token }}{% for m in messages %}{% generation %}{{ m.content | tojson }}"
        "{% endgeneration %}"
        "{% if loop.first %}{% continue %}{% endif %}!{% endfor %}"
    )
    counter = folder_with(
        tmp_path,
        [{"name": "tools", "template": "no"}, {"name": "default", "template": body}],
        bos_token={"content": "<s>"},
    )
    chat = [{"role": "user", "content": "é"}, {"role": "user", "content": "b"}]
    assert counter.render_chat(chat) == '<s>"é""b"!'


def test_a_model_without_a_template_says_it_follows_no_instructions(tmp_path: Path) -> None:
    counter = TokenCounter.from_folder(write_folder(tmp_path / "base", model_files()))
    assert counter.template is None and counter.count("flood flood") == 2
    with pytest.raises(WeightsError, match="no chat template"):
        counter.render_chat(CHATS[0])


def test_a_template_that_refuses_or_misbehaves_is_put_in_words(tmp_path: Path) -> None:
    refusing = folder_with(tmp_path, "{{ raise_exception('no system message') }}")
    with pytest.raises(WeightsError, match="no system message"):
        refusing.render_chat(CHATS[1])
    for evil in (
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{% set _ = messages.append(1) %}",
        "{{ nothing.at.all }}",
    ):
        with pytest.raises(WeightsError, match="refuses these messages"):
            folder_with(tmp_path, evil).render_chat(CHATS[0])
    with pytest.raises(WeightsError, match="cannot be read"):
        folder_with(tmp_path, "{% if %}").render_chat(CHATS[0])


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no tokenizer\.json"):
        TokenCounter.from_folder(tmp_path)
