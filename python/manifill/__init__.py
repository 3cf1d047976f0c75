"""Domains, transforms, Laplacians, models, samplers and scores of manifill.

Arrays are numpy's, float64, looked at where they are and handed over without a copy; the last axis, or the last two of a
grid's rows and columns, are places. Missing values are NaN. `Model.fill` also takes and gives xarray's DataArray.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional, Sequence, Union

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._core import (
    Domain,
    Error,
    InputError,
    Laplacian,
    RingGrid,
    SphericalHarmonics,
    UsageError,
    coefficient_degrees,
    coefficient_index,
    method_summary,
    methods,
)

__version__: str = _core.__version__
__all__ = [
    "Domain",
    "Ensemble",
    "Error",
    "InputError",
    "Laplacian",
    "Model",
    "RingGrid",
    "SphericalHarmonics",
    "UsageError",
    "coefficient_degrees",
    "coefficient_index",
    "method_summary",
    "methods",
    "scores",
    "squared_mmd",
]


class Ensemble:
    """Members of fields that were filled.

    members: [step][member] and the places, of a lone field [member] and the places; the units of the input, whose observed
        values every member has.
    chi_square: [step], of what was observed over its expectation; far above 1 for input unlike the training data.
    """

    def __init__(self, members: Any, chi_square: NDArray[np.float64], axis: int):
        self.members = members
        self.chi_square = chi_square
        self._axis = axis

    @property
    def mean(self) -> Any:
        """Ensemble mean."""
        return self.members.mean(axis=self._axis)

    @property
    def spread(self) -> Any:
        """Standard deviation of the ensemble, n - 1 in the denominator; zero where observed."""
        return self.members.std(axis=self._axis, ddof=1)


class Model:
    """A trained model in its file (`manifill train`)."""

    def __init__(self, path: Union[str, "os.PathLike[str]"]):
        self._core = _core.Model(os.fspath(path))

    @property
    def name(self) -> str:
        return self._core.name

    @property
    def variable(self) -> str:
        return self._core.variable

    @property
    def units(self) -> str:
        return self._core.units

    @property
    def domain(self) -> Domain:
        return self._core.domain

    @property
    def has_flow(self) -> bool:
        return self._core.has_flow

    @property
    def step(self) -> str:
        """"day", "month" or "none": how steps are counted."""
        return self._core.step

    def climatology(self, season: float = 0.0) -> NDArray[np.float64]:
        """Mean field at a fraction of the year: [point]."""
        return self._core.climatology(season)

    def sample(self, count: int, season: float = 0.0, seed: int = 1, steps: int = 30) -> NDArray[np.float64]:
        """Draws of the prior: [count][point]."""
        return self._core.sample(count, season, seed, steps)

    def fill(
        self,
        fields: Any,
        *,
        method: Optional[str] = None,
        members: int = 32,
        seed: int = 1,
        noise: float = 0.0,
        refine: int = 0,
        first_step: int = 0,
        season: Union[float, Sequence[float], None] = None,
        options: Optional[Mapping[str, Any]] = None,
    ) -> Ensemble:
        """Fills the gaps of fields on the model's own grid, in its units.

        fields: one field, or a record of consecutive steps first: [step][point], [step][row][column] or either without
            the step; a DataArray keeps its coordinates, and its time gives seasons and steps where the model has any.
        method: one of `methods()`; the flow where the model has one, else "gaussian".
        noise: standard deviation of the observations; 0: the model's.
        season: fraction of the year of every step, where no time tells.
        options: of the method, as {"dps.steps": 100}.
        """
        values = np.asarray(fields, dtype=np.float64)
        size = self.domain.size
        one = values.size == size
        record = values.reshape((1 if one or values.ndim < 2 else values.shape[0], -1))
        if record.shape[1] != size:
            raise UsageError(f"a field of {record.shape[1]} places; the model has {size}: {self.domain!r}")
        steps, seasons = self._times(fields, record.shape[0], first_step, season)
        if method is None:
            method = "flow" if self.has_flow else "gaussian"
        text = [f"{key}={value}" for key, value in (options or {}).items()]
        filled, chi_square = self._core._fill(record, steps, seasons, method, members, seed, noise, refine, text)
        if one:
            filled = filled.reshape((members,) + values.shape)
        else:
            filled = filled.reshape((record.shape[0], members) + values.shape[1:])
        axis = 0 if one else 1
        if hasattr(fields, "dims"):
            filled = self._labelled(fields, filled, axis)
        return Ensemble(filled, chi_square, axis)

    def _times(
        self, fields: Any, count: int, first_step: int, season: Union[float, Sequence[float], None]
    ) -> tuple[list[int], list[float]]:
        time = getattr(fields, "coords", {}).get("time") if hasattr(fields, "coords") else None
        if season is None and time is not None and self.step != "none":
            # Steps are counted as `manifill impute` counts them, so that members are the same.
            stamps = np.atleast_1d(time.values).astype("datetime64[ns]")
            years = stamps.astype("datetime64[Y]")
            months = stamps.astype("datetime64[M]")
            year = years.astype(int) + 1970
            month = months.astype(int) % 12 + 1
            if self.step == "month":
                return [int(y) * 12 + int(m) - 1 for y, m in zip(year, month)], [(m - 0.5) / 12.0 for m in month]
            day = (stamps.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(int) + 1
            length = ((years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")) / np.timedelta64(1, "D")
            fractions = (stamps - years) / np.timedelta64(1, "D") / length
            return _core._day_index(list(map(int, year)), list(map(int, month)), list(map(int, day))), list(map(float, fractions))
        seasons = np.broadcast_to(0.0 if season is None else np.asarray(season, dtype=float), (count,))
        return [first_step + k for k in range(count)], [float(s) for s in seasons]

    @staticmethod
    def _labelled(fields: Any, filled: NDArray[np.float64], axis: int) -> Any:
        import xarray

        dims = list(fields.dims)
        dims.insert(axis, "realization")
        coords = dict(fields.coords)
        coords["realization"] = np.arange(1, filled.shape[axis] + 1)
        return xarray.DataArray(filled, dims=dims, coords=coords, attrs=fields.attrs, name=fields.name)


def scores(
    members: Any, truth: Any, weight: Any = None, domain: Optional[Domain] = None
) -> dict[str, Any]:
    """Scores of ensembles against truths, area-weighted.

    members: [case][member][point] or [member][point]; truth: [case][point] or [point], NaN where not scored.
    weight: as truth, 0 where not scored; None: the domain's areas, or all alike.
    Gives rmse, mae, bias, crps (fair), spread, spread_skill, coverage50, coverage80, coverage90, energy, diversity and
    rank_histogram.
    """
    truth = np.asarray(truth, dtype=np.float64)
    members = np.asarray(members, dtype=np.float64)
    if truth.ndim == 1:
        truth, members = truth[None], members[None]
    if weight is None:
        weight = np.ones_like(truth) if domain is None else np.broadcast_to(domain.weights, truth.shape)
    weight = np.where(np.isnan(truth), 0.0, np.broadcast_to(np.asarray(weight, dtype=np.float64), truth.shape))
    return _core._scores(members, truth, weight, domain)


def squared_mmd(members: Any, truth: Any, weight: Any = None, width: Optional[float] = None) -> float:
    """Squared maximum mean discrepancy between the laws of fills and of truths, unbiased: about zero where they are the same.

    members, truth: [case][point], one member of each case; no term compares the two of a case (Gretton et al. 2012, eq. 4).
    weight: [point]; None: all alike. width of the Gaussian kernel; None: the median distance of the truths. NaN for one case.
    """
    members, truth = np.asarray(members, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    weight = np.ones(truth.shape[-1]) if weight is None else np.asarray(weight, dtype=np.float64)
    return _core._squared_mmd(members, truth, weight, width)
