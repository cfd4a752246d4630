"""GeoJSON: one row a feature, its properties, and the first point of its shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.corpus.formats.jsonrecords import Dialect, Item, Record, Stray, objects

DEEPEST = 8  # lists in lists of coordinates


def is_features(record: Record) -> bool:
    """Whether an object is a feature, or a collection of them."""
    kind = record.get("type")
    if kind == "Feature":
        return "geometry" in record or "properties" in record
    return kind == "FeatureCollection" and isinstance(record.get("features"), list)


def features_in(record: Record) -> Iterator[Item]:
    """The features: `id`, the properties, `longitude` and `latitude` (of a line or an area: its first)."""
    if record.get("type") == "Feature":
        yield _record(record)
    elif isinstance(record.get("features"), list):
        for feature in record["features"]:
            yield _record(feature) if isinstance(feature, dict) else Stray()
    else:
        yield record


def _record(feature: Record) -> Record:
    properties = feature.get("properties")
    record: Record = {}
    fields = properties if isinstance(properties, dict) else {}
    if "id" in feature:
        record["feature id" if "id" in fields else "id"] = feature["id"]
    record |= fields
    longitude, latitude = _first_point(feature.get("geometry"))
    for key, value in (("longitude", longitude), ("latitude", latitude)):
        if value is not None:
            record[f"geometry {key}" if key in fields else key] = value
    return record


def _first_point(geometry: Any) -> tuple[Any, Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(geometry, dict):
        return None, None
    for _ in range(DEEPEST):  # collections hold geometries, which may be collections
        parts = objects(geometry.get("geometries"))
        if not parts:
            break
        geometry = parts[0]
    point = geometry.get("coordinates")
    for _ in range(DEEPEST):
        if not (isinstance(point, list) and point and isinstance(point[0], list)):
            break
        point = point[0]
    if isinstance(point, list) and len(point) >= 2 and all(isinstance(part, str) for part in point[:2]):
        return point[0], point[1]
    return None, None


FEATURES = Dialect("geojson", is_features, features_in, ("id",))
