"""What conditioning gives back, and its place in ``build/updates/``."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from forecast.files import write_atomically

Array = np.ndarray
_SHOWN = 4  # parts or observations that are printed one by one
FORMAT = 3  # of what is kept; results kept in another are computed again


@dataclass(frozen=True, eq=False)
class Conditioned:
    """One independent part of a study, given its evidence.

    Parameters
    ----------
    inputs : tuple of str
        What moved: priors and coordinates of trends.
    ids : tuple of str
        Of the observations.
    rung : {"none", "exact", "weights", "smc", "nuts"}
        ``none``: the likelihood is the same in every world; ``exact``: only exact observations of priors.
    scores : ndarray (input, chain, particle)
        Normal scores of the inputs in posterior worlds.
    khat, effective : float
        Of the importance weights on `worlds` prior worlds, whatever rung was taken. NaN where there were none.
    worlds : int
    left : float
        Posterior worlds in all, in effect: as many independent ones would be as precise.
    log_evidence : float
        Logarithm of the prior mean of the likelihood (exact observations left out).
    why : str
        Why this rung.
    details : dict
        Figures of the rung; ``trend_draws`` says for each trend how many of its posterior draws are left in effect.
    bits : float
        Information gained about all inputs together; about no quantity can more be gained. Infinite where an exact
        observation fixes an input, or it is not known.
    rest : dict of str to float
        For each observation how probable it was given all other evidence (see
        `forecast.evidence.surprise.given_the_rest`), NaN where that cannot be told.
    """

    inputs: tuple[str, ...]
    ids: tuple[str, ...]
    rung: str
    scores: Array
    khat: float
    effective: float
    worlds: int
    left: float
    log_evidence: float
    why: str
    details: dict[str, Any] = field(default_factory=dict)
    bits: float = math.inf
    rest: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Which observations moved how many inputs, by which rung, and how good it is."""
        told = [f"{len(self.inputs):,} input{'s' * (len(self.inputs) != 1)}", f"rung {self.rung}"]
        if self.worlds:
            told += [f"k-hat {self.khat:.2f}", f"{self.effective:,.0f} of {self.worlds:,} worlds effective"]
        if self.rung != "none":
            told.append(f"worth {self.left:,.0f} independent worlds")
        return f"<Conditioned on {_few(self.ids)}: {', '.join(told)}>"


@dataclass(frozen=True, eq=False)
class Update:
    """What evidence made of a study.

    Parameters
    ----------
    parts : tuple of Conditioned
    p_values : dict of str to float
        Prior predictive p-value of each observation, by id; NaN for one that touches nothing uncertain.
    """

    parts: tuple[Conditioned, ...]
    p_values: dict[str, float]

    def __repr__(self) -> str:
        """How many observations, and the first of the independent parts, a line each."""
        seen, parts = len(self.p_values), len(self.parts)
        head = f"<Update: {seen:,} observation{'s' * (seen != 1)}, {parts:,} independent part{'s' * (parts != 1)}>"
        more = [f"  and {parts - _SHOWN:,} more"] if parts > _SHOWN else []
        return "\n".join([head, *(f"  {part!r}" for part in self.parts[:_SHOWN]), *more])

    @property
    def given(self) -> dict[str, Array]:
        """Normal scores (chain, particle) by input, for `forecast.worlds.Design`."""
        return {
            name: part.scores[i] for part in self.parts if part.rung != "none" for i, name in enumerate(part.inputs)
        }

    @property
    def rest(self) -> dict[str, float]:
        """For each observation, how probable it was given all other evidence; NaN where that cannot be told."""
        return {id: p for part in self.parts if len(part.ids) > 1 for id, p in part.rest.items()}

    def part_of(self, id: str) -> Conditioned | None:
        """The part that an observation belongs to."""
        return next((part for part in self.parts if id in part.ids), None)

    def provenance(self) -> dict[str, Any]:
        """Plain values for JSON: which way was taken, and how good it is."""
        return {
            "observations": [
                {"id": id, "prior_predictive_p": _plain(p), "p_given_the_rest": _plain(self.rest.get(id, math.nan))}
                for id, p in self.p_values.items()
            ],
            "parts": [
                {
                    "inputs": list(part.inputs), "observations": list(part.ids), "rung": part.rung, "why": part.why,
                    "khat": _plain(part.khat), "effective_worlds": _plain(part.effective), "of_worlds": part.worlds,
                    "posterior_worlds": _plain(part.left), "bits": _plain(part.bits),
                    "log_evidence": _plain(part.log_evidence), **part.details,
                }
                for part in self.parts
            ],
        }  # fmt: skip


def _few(ids: Sequence[str]) -> str:
    return ", ".join(ids) if len(ids) <= _SHOWN else f"{', '.join(ids[:_SHOWN])} and {len(ids) - _SHOWN:,} more"


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _file(folder: Path, key: str) -> Path:
    return folder / "build" / "updates" / f"{key}.npz"


def save(folder: Path, key: str, found: Conditioned, p_values: Mapping[str, float]) -> None:
    """Keep a result under the hash of everything that entered it."""
    plain = {entry.name: getattr(found, entry.name) for entry in fields(found) if entry.name != "scores"}
    meta = json.dumps({**plain, "p_values": dict(p_values)}).encode()
    buffer = io.BytesIO()
    np.savez(buffer, meta=np.frombuffer(meta, dtype=np.uint8), scores=found.scores)
    try:
        write_atomically(_file(folder, key), buffer.getvalue())
    except OSError:
        pass  # a cache that cannot be written costs time only


def load(folder: Path, key: str) -> tuple[Conditioned, dict[str, float]] | None:
    """What was kept under a hash; None if there is nothing, or nothing sound."""
    try:
        with np.load(_file(folder, key)) as file:
            meta, kept = json.loads(file["meta"].tobytes()), file["scores"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    p_values = meta.pop("p_values")
    meta["inputs"], meta["ids"] = tuple(meta["inputs"]), tuple(meta["ids"])
    return Conditioned(scores=kept, **meta), p_values
