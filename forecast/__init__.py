"""Monte Carlo uncertainty and forecasting: priors in text, models as functions, one joint set of possible worlds.

`open_study` reads a study (`new` makes one); `Study.run` draws worlds; the result has ``interval``, ``prob_above``,
``sensitivity``, ``plot`` and more: ``help(type(result))``. `first_crossing` is for models.

Examples
--------
>>> import forecast
>>> study = forecast.open_study(forecast.starter())   # or the path of a study of one's own
>>> cost = study.run(["training_cost"], draws=1024).interval("training_cost", prob=0.9)
>>> cost.low < cost.median < cost.high, cost.unit
(True, 'USD_2023')
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.crossing import first_crossing as first_crossing
    from forecast.errors import ForecastError as ForecastError
    from forecast.errors import StudyError as StudyError
    from forecast.study import Study as Study
    from forecast.study import open_study as open_study
    from forecast.study.starter import new as new
    from forecast.study.starter import starter as starter

__version__ = "0.1.0"

# Where each public name lives: imported when it is first used, so that the command line starts fast.
_HOMES = {
    "ForecastError": "errors",
    "Study": "study",
    "StudyError": "errors",
    "first_crossing": "crossing",
    "new": "study.starter",
    "open_study": "study",
    "starter": "study.starter",
}
__all__ = [*_HOMES, "__version__"]


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'forecast' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(f"forecast.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
