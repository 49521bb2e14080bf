"""Posterior draws of a trend as one record that a forecast can read with numpy alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecast.errors import UsageError, nearest
from forecast.trend.curve import Lines
from forecast.trend.noise import noise_table
from forecast.trend.series import Array, Series
from forecast.trend.spec import TrendSpec


@dataclass(frozen=True, eq=False)
class Posterior:
    """Joint posterior draws of one trend, and what was observed.

    Parameters
    ----------
    name : str
        Name of the trend.
    level_year : float
        Year of the level.
    draws : dict of (draw,) array
        ``level``, ``growth_before``, ``growth_after``, ``change``, ``scatter``, ``rate`` (systems per year), and
        where the shape has them ``kink``, ``kinked`` (1 or 0: the draw's model has a kink), ``dof``,
        ``group_level_sd``, ``group_growth_sd``; in OOM, OOM/year and years. A draw whose model has no kink
        carries one from the prior, with change 0.
    group_draws : dict of (draw, group) array
        ``group_level`` and ``group_growth``: each group's deviation, for a hierarchy.
    record_t, record_y : (row,) array
        Dates and log10 values of the series: the record so far.
    record_group : tuple of str
        Group of each row, or empty.
    rate_years : float
        Length of the window that the rate of arrival comes from.
    order : (draw,) array of int
        Draws along their first principal component: neighbours are alike.
    table : (draw, 23) array, optional
        Noise functions of Student-t scatter.
    """

    name: str
    level_year: float
    draws: dict[str, Array]
    record_t: Array
    record_y: Array
    record_group: tuple[str, ...] = ()
    rate_years: float = 3.0
    group_draws: dict[str, Array] = field(default_factory=dict)
    order: NDArray[np.intp] = field(default_factory=lambda: np.arange(0))
    table: Array | None = None

    def __len__(self) -> int:
        return len(self.draws["level"])

    def choose(self, prob: Array) -> NDArray[np.intp]:
        """The draw of each world from one uniform coordinate, along the principal component.

        Parameters
        ----------
        prob : (world,) array
            In [0, 1].

        Returns
        -------
        (world,) array of int
            Positions in `draws`; every draw is as likely as any other.
        """
        return self.order[np.minimum((np.asarray(prob) * len(self)).astype(np.intp), len(self) - 1)]

    def lines(
        self, index: NDArray[np.intp] | None = None, group: str | None = None, group_scores: Array | None = None
    ) -> Lines:
        """The parameters of each world's line.

        Parameters
        ----------
        index : (world,) array of int, optional
            The draw of each world (`choose`); none means every draw once, in order.
        group : str, optional
            A group of the hierarchy: its own line, its own record and its share of arrivals.
        group_scores : (2, world) array, optional
            Normal scores of the level and growth of a group not seen so far; without them and without `group` the
            line is the one between the groups.

        Returns
        -------
        Lines

        Raises
        ------
        UsageError
            When there is no such group.
        """
        take = slice(None) if index is None else index
        draw = {key: value[take] for key, value in self.draws.items()}
        level, growth, rate = draw["level"], draw["growth_before"], draw["rate"]
        record = np.ones(len(self.record_t), dtype=bool)
        if group is not None:
            known = tuple(sorted(set(self.record_group)))
            if group not in known or not self.group_draws:
                what = f"trend {self.name} has no group {group!r} (groups: {', '.join(known) or 'none'})"
                raise UsageError(f"{what}; {nearest(group, known) or 'name one of them'}")
            column = known.index(group)
            level = (
                level + self.group_draws["group_level"][take][..., column]
                if "group_level" in self.group_draws
                else level
            )
            growth = (
                growth + self.group_draws["group_growth"][take][..., column]
                if "group_growth" in self.group_draws
                else growth
            )
            record = np.array([label == group for label in self.record_group])
            recent = self.record_t > self.record_t[-1] - self.rate_years
            rate = rate * ((recent & record).sum() + 0.5) / (recent.sum() + 0.5 * len(known))
        elif group_scores is not None:
            level = level + draw.get("group_level_sd", 0.0) * group_scores[0]
            growth = growth + draw.get("group_growth_sd", 0.0) * group_scores[1]
        return Lines(
            level_year=self.level_year,
            level=level,
            growth=growth,
            change=draw["change"],
            kink=draw["kink"] if "kink" in draw else np.full_like(level, self.level_year),
            scatter=draw["scatter"],
            rate=rate,
            table=None if self.table is None else self.table[take],
            record_t=self.record_t[record],
            record_y=np.maximum.accumulate(self.record_y[record]),
        )

    def of(self, group: str) -> Posterior:
        """The posterior of one group of a hierarchy, as if it were a trend of its own; itself where `group` is empty.

        Raises
        ------
        UsageError
            When there is no such group.
        """
        if not group:
            return self
        own = self.lines(group=group)
        rows = np.array([label == group for label in self.record_group])
        draws = {"level": own.level, "growth_before": own.growth, "growth_after": own.growth + own.change}
        return replace(
            self,
            draws=self.draws | draws | {"rate": own.rate},
            record_t=self.record_t[rows],
            record_y=self.record_y[rows],
            record_group=(),
            group_draws={},
        )

    def save(self, path: Path) -> None:
        """Write everything to an ``.npz`` file; the same posterior gives the same bytes."""
        meta = {"name": self.name, "level_year": self.level_year, "rate_years": self.rate_years}
        meta["record_group"] = list(self.record_group)
        arrays = {f"draw/{key}": value for key, value in self.draws.items()}
        arrays |= {f"group/{key}": value for key, value in self.group_draws.items()}
        arrays |= {"record_t": self.record_t, "record_y": self.record_y}
        if self.table is not None:
            arrays["table"] = self.table
        with path.open("wb") as file:
            text = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
            np.savez(file, meta=text, order=self.order, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Posterior:
        """Read a file written by `save`."""
        with np.load(path) as file:
            arrays = dict(file)
        meta = json.loads(arrays.pop("meta").tobytes())
        named = {
            part: {key.removeprefix(f"{part}/"): value for key, value in arrays.items() if key.startswith(f"{part}/")}
            for part in ("draw", "group")
        }
        return cls(
            name=meta["name"],
            level_year=meta["level_year"],
            draws=named["draw"],
            record_t=arrays["record_t"],
            record_y=arrays["record_y"],
            record_group=tuple(meta["record_group"]),
            rate_years=meta["rate_years"],
            group_draws=named["group"],
            order=arrays["order"],
            table=arrays.get("table"),
        )


def make_posterior(
    name: str, data: Series, spec: TrendSpec, values: dict[str, Array], rng: np.random.Generator
) -> Posterior:
    """The posterior record from the draws of a route.

    Parameters
    ----------
    name : str
    data : Series
    spec : TrendSpec
    values : dict
        ``level``, ``growth``, ``change``, ``scatter`` of shape (draw,); ``kink``, ``kinked``, ``dof``,
        ``group_level_sd``, ``group_growth_sd`` where they exist; ``group_level``, ``group_growth`` (draw, group).
    rng : numpy.random.Generator
        Draws the rate of arrival: the rows of the last `rate_years` are Poisson, its prior is Jeffreys', so the
        rate is gamma with shape rows + 1/2 and scale 1 / years.

    Returns
    -------
    Posterior
    """
    draws = {
        "level": values["level"],
        "growth_before": values["growth"],
        "growth_after": values["growth"] + values["change"],
        "change": values["change"],
    }
    draws |= {key: values[key] for key in ("kink", "kinked", "scatter", "dof") if key in values}
    draws |= {key: values[key] for key in ("group_level_sd", "group_growth_sd") if key in values}
    recent = int((data.t > data.t[-1] - spec.rate_years).sum())
    draws["rate"] = rng.gamma(recent + 0.5, 1 / spec.rate_years, len(values["level"]))
    return Posterior(
        name=name,
        level_year=spec.level_year,
        draws=draws,
        record_t=data.t,
        record_y=data.y,
        record_group=data.group if spec.group_level is not None or spec.group_growth is not None else (),
        rate_years=spec.rate_years,
        group_draws={key: values[key] for key in ("group_level", "group_growth") if key in values},
        order=along_first_component(draws),
        table=noise_table(values["dof"]) if "dof" in values else None,
    )


def along_first_component(draws: dict[str, Array]) -> NDArray[np.intp]:
    """Order of the draws along the first principal component of their standardised parameters, shape (draw,).

    The rate of arrival is left out: it is drawn apart. The sign is such that growth after the kink increases, so that a
    world's coordinate runs from slow to fast.
    """
    columns = [np.log(value) if key in ("scatter", "dof") else value for key, value in draws.items() if key != "rate"]
    spread = [(column - column.mean(), column.std(), 1e-12 * (1 + abs(column.mean()))) for column in columns]
    varying = [centred / sd for centred, sd, least in spread if sd > least]
    if not varying:
        return np.arange(len(columns[0]))
    matrix = np.stack(varying)
    # einsum, not a matrix product: the order must not depend on how many threads BLAS has.
    together = np.einsum("an,bn->ab", matrix, matrix) / matrix.shape[1]
    along = np.einsum("a,an->n", np.linalg.eigh(together)[1][:, -1], matrix)
    growth = draws["growth_after"]
    if np.dot(along, growth - growth.mean()) < 0:
        along = -along
    return np.argsort(along, kind="stable").astype(np.intp)
