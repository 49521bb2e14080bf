"""Figures: pure functions from arrays and words to a matplotlib figure, one family a module.

Rules they share: no smoothing that shows mass where there is none; a log axis for wide positive quantities; whole
years; text is text, never mathematics; two hues (blue and vermilion of Okabe and Ito, 2008) that colour-blind readers
tell apart, and differences of lightness or shape beside them. Names of rows stand above their marks and names of lines
below the axes, so that no label can meet another.
"""

from forecast.report.figures.calibration import calibration, pits
from forecast.report.figures.crossing import crossing
from forecast.report.figures.dots import dots
from forecast.report.figures.fan import fan
from forecast.report.figures.frame import Line
from forecast.report.figures.histogram import histogram
from forecast.report.figures.intervals import Row, intervals
from forecast.report.figures.pairs import pairs
from forecast.report.figures.style import font_folder, save

__all__ = [
    "Line",
    "Row",
    "calibration",
    "crossing",
    "dots",
    "fan",
    "font_folder",
    "histogram",
    "intervals",
    "pairs",
    "pits",
    "save",
]
