"""A tiny random GGUF file becomes a safetensors folder whose answers and tokens are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter, quants

from engine.devices import DeviceChoice
from engine.errors import SpaceError, WeightsError
from engine.models import converting, weights
from engine.models.tokens import TokenCounter

WIDTH, HIDDEN, HEADS, LAYERS = 64, 128, 4, 1
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def byte_letters() -> list[str]:
    """The 256 stand-ins that byte-level tokenizers use for bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(spare)) for b in range(256)]


def write_gguf(path: Path, *, copies_alike: bool) -> np.ndarray:
    """A one-layer Llama whose output matrix is stored as a second copy, or as another matrix."""
    numbers = np.random.default_rng(0)
    tokens = SPECIAL + byte_letters() + ["fl", "oo"]
    matrix = numbers.normal(0, 0.05, (len(tokens), WIDTH)).astype(np.float32)
    output = matrix if copies_alike else numbers.normal(0, 0.05, matrix.shape).astype(np.float32)
    out = GGUFWriter(path, "llama")
    out.add_block_count(LAYERS)
    out.add_context_length(256)
    out.add_embedding_length(WIDTH)
    out.add_feed_forward_length(HIDDEN)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_freq_base(10000.0)
    out.add_vocab_size(len(tokens))
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("smollm")
    out.add_token_list(tokens)
    out.add_token_types([3] * len(SPECIAL) + [1] * 258)
    out.add_token_merges(["f l", "o o"])
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_pad_token_id(2)
    out.add_add_bos_token(False)
    out.add_chat_template(TEMPLATE)
    kind = GGMLQuantizationType.Q8_0
    out.add_tensor(
        "token_embd.weight",
        quants.quantize(matrix, GGMLQuantizationType.Q4_0),
        raw_dtype=GGMLQuantizationType.Q4_0,
    )
    out.add_tensor("output.weight", quants.quantize(output, kind), raw_dtype=kind)
    out.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    for name, shape in {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (WIDTH, WIDTH),
        "attn_v": (WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (HIDDEN, WIDTH),
        "ffn_up": (HIDDEN, WIDTH),
        "ffn_down": (WIDTH, HIDDEN),
    }.items():
        values = numbers.normal(0, 0.1, shape).astype(np.float32)
        out.add_tensor(f"blk.0.{name}.weight", quants.quantize(values, kind), raw_dtype=kind)
    for name in ("attn_norm", "ffn_norm"):
        out.add_tensor(f"blk.0.{name}.weight", np.ones(WIDTH, dtype=np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return quants.dequantize(quants.quantize(output, kind), kind)


def test_a_gguf_file_is_converted_once_tied_and_with_its_tokenizer(tmp_path: Path) -> None:
    from engine.models.loading import load_causal_lm

    finer = write_gguf(tmp_path / "Tiny Llama.gguf", copies_alike=True)
    folder = weights.get(tmp_path / "models", str(tmp_path / "Tiny Llama.gguf"))
    assert (folder.name, folder.source, folder.roles) == (
        "tiny-llama",
        "gguf",
        ("teacher", "student"),
    )
    model, tokenizer = load_causal_lm(folder, DeviceChoice("cpu", "float32", 1, "test"))
    inputs, outputs = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    assert inputs.data_ptr() == outputs.data_ptr() and model.config.tie_word_embeddings
    np.testing.assert_allclose(
        inputs.detach().numpy(), finer, rtol=2**-8
    )  # the finer copy, as bf16
    assert set(model.generation_config.eos_token_id) == {2, 0}
    counter = TokenCounter.from_folder(folder.path)
    text = "<|im_start|>flood 2024, café 🌊<|im_end|>"
    ids = counter.encode(text)
    assert ids == tokenizer(text).input_ids  # no token is added at the start
    assert ids[0] == 1 and ids[-1] == 2 and counter.decode(ids) == text
    chat = [{"role": "user", "content": "flood?"}]
    assert counter.render_chat(chat) == tokenizer.apply_chat_template(
        chat, tokenize=False, add_generation_prompt=True
    )
    assert not (tmp_path / "models" / ".fetching" / "tiny-llama").exists()


def test_two_different_matrices_are_not_tied(tmp_path: Path) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            tie_word_embeddings=False,
        )
    )
    assert not converting.tie_again(model) and not model.config.tie_word_embeddings
    with torch.no_grad():
        model.lm_head.weight.copy_(model.get_input_embeddings().weight + 1e-4)
    assert converting.tie_again(model) and not converting.tie_again(model)


def test_a_conversion_that_fails_leaves_words_and_nothing_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "odd.gguf"
    out = GGUFWriter(file, "no-such-architecture")
    out.add_tensor("x", np.ones((4, 4), dtype=np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    with pytest.raises(WeightsError, match="could not be converted") as odd:
        weights.get(tmp_path / "models", str(file))
    assert "choose another model" in odd.value.fix and weights.installed(tmp_path / "models") == []
    monkeypatch.setattr(converting, "PEAK_MEMORY", 1e15)
    with pytest.raises(SpaceError, match="free memory"):
        weights.get(tmp_path / "models", str(file))
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(WeightsError, match="cut short"):
        weights.get(tmp_path / "models", str(file))
