"""Export formats, one file each. A new one is a file here and a line in FORMATS."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attribution.exports.base import Exporter
from attribution.exports.csv_file import write_csv
from attribution.exports.json_file import write_json

__all__ = ["FORMATS"]

FORMATS: Mapping[str, Exporter] = MappingProxyType({"csv": write_csv, "json": write_json})
