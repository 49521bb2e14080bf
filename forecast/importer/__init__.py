"""Series from other people's CSV files.

A file's columns, versions and habits are declared in a format (``priors/formats/NAME.toml`` of the study); this
package reads any file such a format describes, applies the selection asked for and writes a dated series.
"""

from __future__ import annotations

from forecast.importer.format import Format, load_format
from forecast.importer.select import Selection
from forecast.importer.series import ImportReport, import_file, import_series
from forecast.importer.table import Series, write_series

__all__ = [
    "Format",
    "ImportReport",
    "Selection",
    "Series",
    "import_file",
    "import_series",
    "load_format",
    "write_series",
]
