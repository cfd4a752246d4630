"""Models as the page lists them: the catalogue first, then whatever else is installed."""

from __future__ import annotations

from pathlib import Path

from engine.models.catalogue import catalogue
from engine.models.folders import installed
from engine.views import ModelView


def model_views(models: Path) -> list[ModelView]:
    """One entry a model, with whether it is installed under `models`."""
    here = {m.name: m for m in installed(models)}
    views = [ModelView(c.name, c.title, tuple(c.roles), c.parameters, c.licence, c.name in here, c.ram_gb,
                       c.disk_gb, c.note, c.caution, c.packages is not None) for c in catalogue()]
    known = {c.name for c in catalogue()}
    views += [ModelView(m.name, m.title, tuple(m.roles), 0, "see its own pages", True,
                        m.bytes_on_disk * 1.2e-9, m.bytes_on_disk * 1e-9, f"From a {m.source}.", "", False)
              for m in here.values() if m.name not in known]
    return views
