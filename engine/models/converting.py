"""Turning a GGUF file into a safetensors folder, once, in a process of its own.

Of its own, so that the memory comes back. Run as `python -m engine.models.converting FILE.gguf
FOLDER`. Does not: quantise, delete the GGUF file.

Three things that a plain conversion gets wrong are put right here: tied embeddings that the 4-bit
file stores twice stay tied; the tokenizer's normaliser and digit splitting, which GGUF only names,
are restored; and both end-of-turn tokens end a generated answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from engine.errors import SpaceError, WeightsError, disk_errors_in_words

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Cosine of two copies of one matrix, quantised differently (.997 in Qwen2.5); unrelated: below 0.5.
ALIKE = 0.98
ROWS_COMPARED = 2048
PEAK_MEMORY = 1.6  # times the result, measured on Qwen2.5 1.5B


def convert(gguf: Path, into: Path, log: Path) -> None:
    """Write `into/` (bf16 safetensors, settings, tokenizer) from a GGUF file.

    Raises `WeightsError` for a file that cannot be read, `SpaceError` for lack of memory or disk.
    """
    result = check_gguf(gguf)
    if result * PEAK_MEMORY > psutil.virtual_memory().available:
        raise SpaceError(
            f"Converting “{gguf.name}” needs about {result * PEAK_MEMORY / 1e9:.1f} GB of free "
            "memory, which are not there.",
            "Close other programs, or choose a smaller model.",
        )
    with disk_errors_in_words("the converted weights"), open(log, "ab") as out:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "engine.models.converting",
                str(gguf.absolute()),
                str(into.absolute()),
            ],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parents[2],
        )
        try:
            code = process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if code == 0:
        return
    if code in (-9, 137):
        raise WeightsError(
            "The conversion was ended by the system, most likely for lack of memory.",
            "Close other programs, or choose a smaller model.",
        )
    if b"No space left" in log.read_bytes()[-4000:]:
        raise WeightsError(
            "The disk filled up while the weights were being converted.",
            "Free some space, then start again: nothing has to be downloaded again.",
        )
    raise WeightsError(
        f"“{gguf.name}” could not be converted; the details are in {log}.",
        "It may be of a kind that transformers cannot read yet: choose another model.",
    )


def check_gguf(path: Path) -> int:
    """Bytes its weights will take as bf16. Raises `WeightsError` if it is no whole GGUF file."""
    from gguf import GGUFReader

    try:
        if path.stat().st_size < 32:
            raise ValueError("too short")
        tensors = GGUFReader(path).tensors
    except (ValueError, KeyError, IndexError) as error:
        raise WeightsError(
            f"“{path.name}” is not a GGUF file, or it is damaged or cut short.",
            "Choose another file, or download it again.",
        ) from error
    return sum(2 * int(tensor.n_elements) for tensor in tensors)


def convert_here(gguf: Path, into: Path) -> None:
    """Do the conversion in this process."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tie_again(model)
    tokenizer.model_max_length = model.config.max_position_embeddings
    end_tokens(model, tokenizer)
    model.save_pretrained(into)
    tokenizer.save_pretrained(into)
    for file in into.glob("*.safetensors"):
        file.chmod(0o644)  # written through a private temporary file; a workspace may be shared
    restore_pieces(into / "tokenizer.json", pretokenizer_name(gguf))


def tie_again(model: PreTrainedModel) -> bool:
    """Tie input and output embeddings if they are one matrix that the file stores twice.

    Such files quantise the output copy more finely, so that one is kept. Returns whether it did.
    """
    import torch

    inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    if outputs is None or model.config.tie_word_embeddings:
        return False
    first, second = inputs.weight, outputs.weight
    if first.shape != second.shape:
        return False
    rows = torch.linspace(0, first.shape[0] - 1, min(ROWS_COMPARED, first.shape[0])).long()
    likeness = torch.nn.functional.cosine_similarity(
        first[rows].float().flatten(), second[rows].float().flatten(), dim=0
    )
    if likeness.item() < ALIKE:
        return False
    with torch.no_grad():
        first.copy_(second)
    model.config.tie_word_embeddings = True
    model.tie_weights()
    return True


def end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Let a generated answer end at the end of a turn as well as at the end of a text."""
    vocabulary = tokenizer.get_vocab()
    ends = [vocabulary[token] for token in ("<|im_end|>", "<|endoftext|>") if token in vocabulary]
    settings: Any = model.generation_config
    if settings is not None and ends:
        settings.eos_token_id = ends


def pretokenizer_name(gguf: Path) -> str:
    """The name of the text-splitting rule that the GGUF file declares, or an empty string."""
    from gguf import GGUFReader

    field = GGUFReader(gguf).get_field("tokenizer.ggml.pre")
    return str(field.contents()) if field else ""


def restore_pieces(tokenizer_file: Path, rule: str) -> None:
    """Put back what the GGUF form of a tokenizer only names: Qwen's NFC, SmolLM's single digits."""
    settings = json.loads(tokenizer_file.read_text(encoding="utf-8"))
    if rule == "qwen2" and settings["normalizer"] is None:
        settings["normalizer"] = {"type": "NFC"}
    if rule == "smollm" and settings["pre_tokenizer"]["type"] == "ByteLevel":
        settings["pre_tokenizer"] = {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                settings["pre_tokenizer"],
            ],
        }
    tokenizer_file.write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    convert_here(Path(sys.argv[1]), Path(sys.argv[2]))
