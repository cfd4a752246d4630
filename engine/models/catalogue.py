"""The models that can be had by name: size, licence, memory, and where from.

Does not: fetch anything.
"""

from __future__ import annotations

import difflib
from functools import cache
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from engine.errors import WeightsError
from engine.workspace import ASSETS

Role = Literal["teacher", "student", "encoder"]

PACKAGES_CAUTION = (
    "Unofficial copies: 4-bit files that third parties repackaged for a Python package index, "
    "turned back into 16-bit numbers here. They answer slightly differently from the makers' own "
    "files. "
    "The weights' licence is the makers'."
)
_SHA256 = r"^[0-9a-f]{64}$"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HubSource(_Frozen):
    """The makers' files on the Hugging Face Hub at one revision."""

    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    bytes: int = Field(gt=0)


class PackagePart(_Frozen):
    """One pinned package, the checksum of its file, and the one member that is read from it."""

    package: str
    version: str
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=_SHA256)
    member: str

    @property
    def file(self) -> str:
        """The name under which the package index serves the file."""
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"


class JoinedFile(_Frozen):
    """What the members give when joined in order."""

    file: str
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=_SHA256)


class PackageSource(_Frozen):
    """Packages whose members, joined in order, are a GGUF file or the weights of a folder.

    `beside` names small files next to the member (settings and tokenizer), taken along unchanged.
    """

    form: Literal["gguf", "safetensors"]
    joined: JoinedFile
    parts: tuple[PackagePart, ...] = Field(min_length=1)
    beside: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Size of the download."""
        return sum(part.bytes for part in self.parts)


class ModelCard(_Frozen):
    """One model as the page lists it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    title: str
    roles: tuple[Role, ...] = Field(min_length=1)
    parameters: int = Field(gt=0)
    licence: str
    ram_gb: float = Field(gt=0)
    disk_gb: float = Field(gt=0)
    note: str
    hub: HubSource | None = None
    packages: PackageSource | None = None

    @property
    def caution(self) -> str:
        """What must be said wherever the package index is offered; empty if it is not."""
        if self.packages is None:
            return ""
        if self.packages.form == "safetensors":
            return (
                "Unofficial copy: the makers' file, repackaged by a third party for a Python "
                "package index. The weights' licence is the makers'."
            )
        return PACKAGES_CAUTION

    @property
    def is_encoder(self) -> bool:
        """Whether it reads whole texts and writes none."""
        return self.roles == ("encoder",)


class _Catalogue(_Frozen):
    models: tuple[ModelCard, ...]


@cache
def catalogue() -> tuple[ModelCard, ...]:
    """Every model known by name, in the order of `assets/catalogue.yaml`."""
    text = (ASSETS / "catalogue.yaml").read_text(encoding="utf-8")
    return _Catalogue.model_validate(yaml.safe_load(text)).models


def find_card(name: str) -> ModelCard | None:
    """The card of this name (or of this Hub repository), or None."""
    wanted = name.strip().lower()
    for entry in catalogue():
        if wanted == entry.name or (entry.hub and wanted == entry.hub.repo.lower()):
            return entry
    return None


def card(name: str) -> ModelCard:
    """The card of this name. Raises `WeightsError` naming the nearest known name."""
    found = find_card(name)
    if found:
        return found
    known = [entry.name for entry in catalogue()]
    near = difflib.get_close_matches(name.lower().split("/")[-1], known, n=1, cutoff=0.4)
    hint = f"Did you mean “{near[0]}”? " if near else ""
    raise WeightsError(f"No model is called “{name}”.", f"{hint}Known names: {', '.join(known)}.")
