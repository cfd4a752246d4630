"""Loading an installed model into memory. Does not: fetch, run code that comes with a model."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from engine.devices import DeviceChoice
from engine.errors import SettingsError, SpaceError, WeightsError
from engine.models.folders import ModelFolder, check_files, parameter_count

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def load_tokenizer(folder: ModelFolder | Path) -> PreTrainedTokenizerBase:
    """The model's own tokenizer, with a padding token. Raises `WeightsError`."""
    from transformers import AutoTokenizer

    path = _path(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            path, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_causal_lm(
    folder: ModelFolder | Path,
    choice: DeviceChoice,
    attention: str | None = None,
    four_bit: bool = False,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A text generator in evaluation mode on `choice.device` in `choice.dtype`, and its tokenizer.

    `attention`: "eager" where attention weights are wanted; else torch's fused one, where this kind of model
    knows it. Sets torch's thread count.
    `four_bit`: weights in 4 bits (NF4: Dettmers et al., “QLoRA”, NeurIPS 2023), on CUDA only.
    Raises `WeightsError` for files that cannot be read, `SpaceError` for too little memory, `SettingsError`
    where 4 bits are not to be had.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # a second of loading; the bar would land among our own lines
    path = _path(folder)
    check_files(path, path.name)
    _check_memory(path, choice)
    tokenizer = load_tokenizer(path)
    torch.set_num_threads(choice.threads)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=getattr(torch, choice.dtype),
            attn_implementation=attention,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            **_in_four_bits(choice) if four_bit else {},
        )
        model = model if four_bit else model.to(choice.device)
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(path, error) from error
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _too_large(path, choice) from error
    head = model.get_output_embeddings()
    if head is None or getattr(head, "bias", None) is not None:
        raise WeightsError(f"The studio cannot use “{path.name}”: its output layer "
                           f"{'is missing' if head is None else 'has a bias'}.",
                           "Choose another model: SmolLM2, Qwen, Llama, Gemma or Mistral, say.")
    head.register_forward_pre_hook(_in_one_piece)
    return model.eval(), tokenizer


def _in_one_piece(_head: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """States of last tokens, cut out of all states, as a tensor of their own.

    As a cut they would be multiplied with a copy of the vocabulary matrix for each row, where that is frozen
    (torch 2.13): for 16 rows of SmolLM2 .9 GB, and seconds, before the first token is written.
    """
    return tuple(one.contiguous() for one in given)


def load_encoder(
    folder: ModelFolder | Path, choice: DeviceChoice
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A sentence encoder's transformer, in evaluation mode, and its tokenizer. Raises `WeightsError`."""
    import torch
    from transformers import AutoModel

    path = _path(folder)
    check_files(path, path.name)
    tokenizer = load_tokenizer(path)
    torch.set_num_threads(choice.threads)
    how = {"dtype": getattr(torch, choice.dtype), "local_files_only": True, "trust_remote_code": False,
           "use_safetensors": True}
    try:
        try:
            model = AutoModel.from_pretrained(path, add_pooling_layer=False, **how)
        except TypeError:  # DistilBERT, ModernBERT and others have no such layer to leave out
            model = AutoModel.from_pretrained(path, **how)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error
    return model.to(choice.device).eval(), tokenizer


def _in_four_bits(choice: DeviceChoice) -> dict[str, object]:
    """What `from_pretrained` needs for 4-bit weights."""
    import torch
    from transformers import BitsAndBytesConfig

    if choice.device.split(":")[0] != "cuda":
        raise SettingsError("Weights in 4 bits need a graphics card of NVIDIA (CUDA), which is not here.",
                            "Leave “four_bit” out of the plan.")
    if not importlib.util.find_spec("bitsandbytes"):
        raise SettingsError("Weights in 4 bits need bitsandbytes, which is not installed.",
                            'Install it: pip install "anon-studio[four-bit]"')
    settings = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4",
                                  bnb_4bit_use_double_quant=True,
                                  bnb_4bit_compute_dtype=getattr(torch, choice.dtype))
    return {"quantization_config": settings, "device_map": {"": choice.device}}


def _path(folder: ModelFolder | Path) -> Path:
    return folder.path if isinstance(folder, ModelFolder) else folder


def _check_memory(path: Path, choice: DeviceChoice) -> None:
    """Refuse on a CPU before the system would start ending programs."""
    if choice.device == "cpu":
        need = parameter_count(path) * _BYTES[choice.dtype]
        if need > psutil.virtual_memory().available:
            raise _too_large(path, choice)


def _too_large(path: Path, choice: DeviceChoice) -> SpaceError:
    need = parameter_count(path) * _BYTES[choice.dtype] / 1e9
    where = "free memory" if choice.device == "cpu" else "free memory on the graphics card"
    return SpaceError(
        f"“{path.name}” needs {need:.1f} GB of {where}, which are not there.",
        "Close other programs, or choose a smaller model.",
    )


def _unreadable(path: Path, error: Exception) -> WeightsError:
    if "trust_remote_code" in str(error):
        return WeightsError(
            f"“{path.name}” wants to run program code that comes with it; that is never done.",
            "Choose a model of a kind that transformers knows.",
        )
    first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    return WeightsError(
        f"“{path.name}” could not be opened: {first}",
        "Install the model again, or choose another one.",
    )
