"""A file, a format and a selection make a dated series, and a report of what became of every row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecast.errors import StudyError, UsageError, nearest
from forecast.importer.cells import read_sheet
from forecast.importer.format import Errors, Format, Kind, load_format
from forecast.importer.layout import Layout, recognise
from forecast.importer.rows import Reading, Row, read_rows, reading
from forecast.importer.select import Selection, select
from forecast.importer.table import Series, write_series

_OPTIONS = ("value", "start", "end", "where", "record", "record_of", "top", "price_year", "errors", "also")


@dataclass(frozen=True)
class ImportReport:
    """What became of a file.

    Parameters
    ----------
    file, version : str
        The file's name and the version its header was recognised as.
    value : str
        The value's column with its unit: ``training_cost [USD_2023]``.
    read, used : int
        Rows under the header, and rows in the series; ``read == used + sum(dropped.values())``.
    dropped : mapping of str to int
        Rows left out, by the first reason that applied.
    notes : tuple of str
        What else a reader should know.
    series : Series
        The result.
    """

    file: str
    version: str
    value: str
    read: int
    used: int
    dropped: Mapping[str, int]
    notes: tuple[str, ...]
    series: Series

    def __str__(self) -> str:
        lines = [f"{self.file}: {self.version}, {self.read} rows read, {self.used} used for {self.value}"]
        lines += [f"  {count:>6} dropped: {reason}" for reason, count in self.dropped.items()]
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def import_series(
    file: Path,
    form: Format,
    *,
    value: str = "",
    selection: Selection | None = None,
    price_year: int | None = None,
    errors: str = "",
    also: Iterable[str] = (),
) -> ImportReport:
    """Read a dated series from a CSV file.

    Parameters
    ----------
    file : Path
        The CSV file, of any version that the format describes.
    form : Format
        The format.
    value : str
        The number wanted, by its name in the format; the format's own choice if empty.
    selection : Selection, optional
        Which rows to keep; all by default.
    price_year : int, optional
        The year of the prices, where the file states several or none. Nothing is converted here.
    errors : str
        Name of a rule of the format that gives each row a standard error of log10 value; none if empty.
    also : iterable of str
        Further fields to carry along; numbers come with their unit.

    Raises
    ------
    StudyError
        The file cannot be read, lacks a required column, leaves open in the prices of which year it speaks, or no row
        is left.
    UsageError
        An option names something that does not exist.

    Examples
    --------
    >>> form = load_format(Path("priors/formats/epoch.toml"))                                        # doctest: +SKIP
    >>> kept = Selection(where=("notable",), record=0.1)                                              # doctest: +SKIP
    >>> report = import_series(Path("notable_ai_models.csv"), form, selection=kept)                   # doctest: +SKIP
    >>> report.value, report.read, report.used                                                        # doctest: +SKIP
    ('training_compute [FLOP]', 810, 80)
    """
    selection = selection or Selection()
    place = file.name
    sheet = read_sheet(file)
    layout = recognise(form, sheet.header, place)
    kind = layout.kind
    main = reading(layout, value or kind.value, price_year, place)
    measure = reading(layout, selection.record_of, None, place) if selection.record_of else main
    extra = tuple(_known(kind, layout, name, place) for name in also)
    carried = {
        name: reading(layout, name, _year_for(kind, name, price_year), place) for name in extra if name in kind.values
    }
    error = _errors(kind, layout, errors, main.field.name, place)
    rows, dropped, notes = read_rows(
        sheet, layout, form, {r.field.name: r for r in (main, measure, *carried.values())}.values(), place
    )
    kept, left, more = select(rows, form, layout, main, measure, selection)
    dropped += left
    series = _series(form, layout, main, kept, error, carried, tuple(n for n in extra if n not in carried))
    if not kept:
        reasons = "; ".join(f"{count} {reason}" for reason, count in dropped.items()) or "it has no rows"
        raise StudyError.at(place, f"no row is left of {len(sheet.rows)} ({reasons})", "widen the selection")
    notes = (*sheet.notes, *layout.notes, *_price_note(form, main), *notes, *more)
    return ImportReport(place, layout.version, main.header, len(sheet.rows), len(kept), dict(dropped), notes, series)


def import_file(
    study: Path,
    format_name: str,
    file: Path,
    out: Path | None = None,
    *,
    preset: str = "",
    overwrite: bool = False,
    **options: Any,
) -> ImportReport:
    """Import a file into a study: what ``forecast import FORMAT FILE`` does.

    Parameters
    ----------
    study : Path
        The study's folder, which holds ``priors/formats/FORMAT.toml``.
    format_name : str
        The format's name.
    file : Path
        The CSV file.
    out : Path, optional
        Where to write the series; nothing is written if None.
    preset : str
        A selection the format declares by name; options given here go before its own.
    overwrite : bool
        Whether a different file at `out` may be replaced.
    **options
        ``value, start, end, where, record, record_of, top, price_year, errors, also``; None means not given.

    Raises
    ------
    UsageError, StudyError
        As `import_series`; also if the format, the preset or an option does not exist.
    """
    folder = study / "priors" / "formats"
    known = sorted(path.stem for path in folder.glob("*.toml"))
    if format_name not in known:
        none = "a study made by 'forecast new DIR' has them: copy its priors/formats"
        hint = nearest(format_name, known) or (f"there are {', '.join(known)}" if known else none)
        raise UsageError(f"no format {format_name!r} in {folder}; {hint}")
    form = load_format(folder / f"{format_name}.toml")
    given = {name: option for name, option in options.items() if option is not None}
    for name in {"where", "also"} & given.keys():
        given[name] = (given[name],) if isinstance(given[name], str) else tuple(given[name])
    if preset:
        if preset not in form.selection:
            hint = nearest(preset, form.selection) or f"there are {', '.join(form.selection) or 'none'}"
            raise UsageError(f"{form.place} has no selection {preset!r}; {hint}")
        given = {key: option for key, option in form.selection[preset].items() if key != "note"} | given
    for name in given:
        if name not in _OPTIONS:
            raise UsageError(f"unknown option {name!r}; {nearest(name, _OPTIONS) or 'use ' + ', '.join(_OPTIONS)}")
    chosen = {
        name: given.pop(name) for name in ("start", "end", "where", "record", "record_of", "top") if name in given
    }
    report = import_series(file, form, selection=Selection(**chosen), **given)
    if out is not None:
        write_series(report.series, out, overwrite=overwrite)
    return report


def _known(kind: Kind, layout: Layout, name: str, place: str) -> str:
    if name not in kind.fields:
        hint = nearest(name, kind.fields) or f"choose from {', '.join(kind.fields)}"
        raise UsageError(f"{place}: {kind.label} have no field {name!r}; {hint}")
    if name not in layout.columns:
        headers = ", ".join(map(repr, kind.fields[name].headers))
        raise StudyError.at(place, f"this version ({layout.version}) has no column {headers}", f"leave {name!r} out")
    return name


def _year_for(kind: Kind, name: str, price_year: int | None) -> int | None:
    # Prices of each row's own year need no year from the user, whatever the main value needs.
    return price_year if kind.fields[name].price_year in ("header", "ask") else None


def _errors(kind: Kind, layout: Layout, name: str, value: str, place: str) -> Errors | None:
    if not name:
        return None
    if name not in kind.errors:
        hint = nearest(name, kind.errors) or f"there are {', '.join(kind.errors) or 'none'}"
        raise UsageError(f"{place}: {kind.label} have no errors by {name!r}; {hint}")
    error = kind.errors[name]
    if value not in error.values:
        raise UsageError(f"{place}: errors by {name!r} are stated for {', '.join(error.values)}, not for {value!r}")
    if error.field not in layout.columns:
        raise UsageError(f"{place}: this version ({layout.version}) has no {error.field!r}; leave the errors out")
    return error


def _price_note(form: Format, main: Reading) -> tuple[str, ...]:
    if main.field.price_year == "date":
        return (f"amounts are in prices of each row's own year (column {form.year_column})",)
    if main.field.price_year == "header":
        return (f"amounts are in prices of {main.year}, as the header says",)
    return (f"amounts are taken to be in prices of {main.year}, as asked",) if main.year else ()


def _series(
    form: Format,
    layout: Layout,
    main: Reading,
    rows: Iterable[Row],
    error: Errors | None,
    carried: Mapping[str, Reading],
    texts: tuple[str, ...],
) -> Series:
    kind = layout.kind
    own_year = "date" in {main.field.price_year, *(item.field.price_year for item in carried.values())}
    groups = [name for name in dict.fromkeys((*kind.carry, *texts)) if name in layout.columns]
    header = [
        "date",
        "name",
        main.header,
        *(["log10_se"] if error else []),
        *([form.year_column] if own_year else []),
        *(item.header for item in carried.values()),
        *(kind.fields[name].column for name in groups),
        "source",
    ]
    table = []
    for row in rows:
        source = [form.credit, layout.version, *(row.cells[name] for name in kind.source if row.cells.get(name))]
        table.append(
            (
                row.date.isoformat(),
                row.name,
                _text(row.numbers[main.field.name]),
                *([f"{error.log10_se.get(row.cells[error.field], error.otherwise):g}"] if error else []),
                *([str(row.date.year)] if own_year else []),
                *(_text(row.numbers[name]) for name in carried),
                *(row.cells[name] for name in groups),
                "; ".join(source),
            )
        )
    return Series(tuple(header), tuple(table))


def _text(number: float | None) -> str:
    return "" if number is None else repr(number)
