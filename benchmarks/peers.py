"""Other tools' predictions on the lines of one shop: what prediction_quality.py measures beside Regulars.

    .venv-peers/bin/python benchmarks/peers.py FOLDER --as-of 2011-09-09 --horizons 30,90 --levels product

A process of its own in an environment of its own (requirements-peers.txt). FOLDER holds, written by
prediction_quality.py: ``before.parquet`` (customer_id, ordered_on, paid: the lines before the as-of date),
``customers.parquet`` (customer_id, in the order of every answer), ``training.parquet`` and ``scoring.parquet`` (the
project's snapshot features, where it made them), and of each level ``owned_LEVEL.parquet`` (customer_id, item, days),
``asked_LEVEL.parquet`` (item: whose buyers to rank) and ``buyers_LEVEL.parquet`` (customer_id: whom to show items).
It writes what each peer says into FOLDER and prints JSON: of each peer the files and seconds, or why there are none.

Every peer is used as its documentation shows it, with its defaults; nothing is tuned for a data set.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path

# implicit warns about a numerical library with threads of its own, and is slower with it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb
import numpy as np
import pandas as pd

PLACES = 10
FACTORS = 64
NEIGHBOURS = 100
ROWS = 500
PENALTIES = (0.0, 0.001, 0.01, 0.1)
OUTCOMES = ("days_to_next_order", "order_days_next_", "net_cents_next_")
KEYS = ("customer_id", "snapshot_on", "days_ago", "valid_order_day_count", "net_revenue_amount", "gross_margin_amount")

Answers = dict[str, str]


class CannotError(Exception):
    """Why a peer has nothing to say on this shop."""


def lifetimes_model(folder: Path, as_of: date, horizons: list[int], modified: bool) -> Answers:
    """BG/NBD or MBG/NBD with gamma-gamma. It has no P(an order within t): 1 − exp(−expected orders) stands for it."""
    from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter

    histories = duckdb.execute(
        """
        with days as (
            select customer_id, ordered_on, sum(paid) as paid from read_parquet(?) group by customer_id, ordered_on
        ), ranked as (
            select *, min(ordered_on) over (partition by customer_id) as first_on from days
        )
        select customer_id, count(*) - 1 as frequency, max(ordered_on) - min(ordered_on) as recency,
            cast(? as date) - min(ordered_on) as age, avg(paid) as amount,
            avg(paid) filter (ordered_on > first_on) as later_amount
        from ranked group by customer_id order by customer_id
        """,
        [str(folder / "before.parquet"), as_of],
    ).df()
    frequency, recency, age = (histories[name].astype(float) for name in ("frequency", "recency", "age"))
    purchases = ModifiedBetaGeoFitter if modified else BetaGeoFitter
    fitter, penalty = fitted(purchases, frequency, recency, age)
    found = pd.DataFrame({"customer_id": histories["customer_id"]})
    for horizon in horizons:
        expected = fitter.conditional_expected_number_of_purchases_up_to_time(horizon, frequency, recency, age)
        expected = np.asarray(expected, dtype=float)
        found[f"score_{horizon}"] = expected
        found[f"probability_{horizon}"] = -np.expm1(-expected)
        if horizon == 90:
            found["orders"] = expected
            came_back = (frequency > 0) & (histories["later_amount"] > 0)
            if came_back.sum() < 2:
                continue
            spend, _ = fitted(GammaGammaFitter, frequency[came_back], histories["later_amount"][came_back])
            amount = spend.conditional_expected_average_profit(frequency, histories["later_amount"].fillna(0.0))
            found["revenue"] = expected * np.asarray(amount, dtype=float)
    note = {"note": f"converged only with a penalty of {penalty}"} if penalty else {}
    return {"intent": _write(found, folder, "mbgnbd" if modified else "bgnbd")} | note


def fitted(model: type, *columns: pd.Series) -> tuple[object, float]:
    """A model of lifetimes, with the smallest penalty with which it converges: what its error message advises."""
    from lifetimes.utils import ConvergenceError

    for penalty in PENALTIES:
        fitter = model(penalizer_coef=penalty)
        try:
            fitter.fit(*columns)
        except ConvergenceError:
            continue
        return fitter, penalty
    raise CannotError(f"{model.__name__} did not converge with any penalty of {PENALTIES}")


def lightgbm(folder: Path, horizons: list[int]) -> Answers:
    """Gradient boosting with its defaults on the project's own snapshot features, rows of the past pooled."""
    import lightgbm

    training_file, scoring_file = folder / "training.parquet", folder / "scoring.parquet"
    if not training_file.is_file() or not scoring_file.is_file():
        raise CannotError("the project's snapshot features were not built")
    training, scoring = (pd.read_parquet(path) for path in (training_file, scoring_file))
    scoring = scoring[scoring["order_day_count"].notna()]
    names = [n for n in training.columns if n not in KEYS and not n.startswith(OUTCOMES)]

    def numbers(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[names].astype(float)

    def learnt(target: str, objective: str, rows: pd.Series, outcome: Callable[[pd.Series], pd.Series]) -> np.ndarray:
        known = training[training[target].notna() & rows]
        settings = {
            "objective": objective, "verbosity": -1, "seed": 0, "num_threads": 1, "deterministic": True,
            "force_row_wise": True,
        }  # fmt: skip
        if not len(known):
            raise CannotError("no snapshot of the past has a window that was over by the as-of date")
        data = lightgbm.Dataset(numbers(known), outcome(known[target].astype(float)))
        return np.asarray(lightgbm.train(settings, data, num_boost_round=100).predict(numbers(scoring)))

    found = pd.DataFrame({"customer_id": scoring["customer_id"]})
    everybody = pd.Series(True, index=training.index)
    missed = ""
    for horizon in horizons:
        try:
            found[f"probability_{horizon}"] = learnt(
                f"order_days_next_{horizon}d", "binary", everybody, lambda count: (count > 0).astype(float)
            )
        except CannotError as error:
            missed = f"{horizon} days: {error}"
            continue
        if horizon == 90:
            found["orders"] = learnt("order_days_next_90d", "poisson", everybody, lambda count: count)
            found["revenue"] = learnt(
                "net_cents_next_90d", "tweedie", everybody, lambda cents: cents.clip(lower=0) / 100
            )
            is_over = training["order_days_next_90d"].astype(float) > 0
            found["days_to_next"] = learnt("days_to_next_order", "regression_l1", is_over, lambda days: days)
    if len(found.columns) == 1:
        raise CannotError(missed)
    return {"intent": _write(found, folder, "lightgbm")} | ({"note": missed} if missed else {})


def implicit_model(folder: Path, levels: list[str], name: str) -> Answers:
    """Item-item neighbours or alternating least squares on the days each customer bought each item."""
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import CosineRecommender, TFIDFRecommender
    from scipy import sparse

    customers = pd.read_parquet(folder / "customers.parquet")["customer_id"]
    answers: Answers = {}
    for level in levels:
        owned = pd.read_parquet(folder / f"owned_{level}.parquet")
        items = pd.Index(sorted(owned["item"].unique()))
        rows = pd.Index(customers).get_indexer(owned["customer_id"])
        columns = items.get_indexer(owned["item"])
        days = owned["days"].to_numpy(np.float32)
        bought = sparse.csr_matrix((days, (rows, columns)), shape=(len(customers), len(items)))
        model = {
            "tfidf": lambda: TFIDFRecommender(K=NEIGHBOURS, num_threads=1),
            "cosine": lambda: CosineRecommender(K=NEIGHBOURS, num_threads=1),
            "als": lambda: AlternatingLeastSquares(factors=FACTORS, random_state=0, num_threads=1),
        }[name]()
        model.fit(bought, show_progress=False)

        def scores(
            part: sparse.csr_matrix, first: int, wanted: np.ndarray | None = None, model: object = model
        ) -> np.ndarray:
            if name == "als":
                factors = model.item_factors if wanted is None else model.item_factors[wanted]
                return model.user_factors[first : first + part.shape[0]] @ factors.T
            similar = model.similarity if wanted is None else model.similarity.tocsc()[:, wanted]
            return (part @ similar).toarray()

        buyers = np.sort(
            pd.Index(customers).get_indexer(pd.read_parquet(folder / f"buyers_{level}.parquet")["customer_id"])
        )
        lists: dict[str, list[pd.DataFrame]] = {"top": [], "new": []}
        for row in buyers:
            her = bought[[row]]
            score = scores(her, int(row))[0].astype(np.float64)
            lists["top"].append(_best(customers[row], items, score))
            score[her.indices] = -np.inf
            lists["new"].append(_best(customers[row], items, score))
        for which, tables in lists.items():
            empty = pd.DataFrame({"customer_id": [], "item": [], "place": []})
            answers[f"{which}_{level}"] = _write(
                pd.concat(tables) if tables else empty, folder, f"{name}_{which}_{level}"
            )

        asked = pd.read_parquet(folder / f"asked_{level}.parquet")["item"]
        path = folder / f"{name}_audience_{level}.npy"
        wanted = items.get_indexer(asked)
        audience = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(len(asked), len(customers)))
        for first, last in _parts(len(customers)):
            audience[:, first:last] = scores(bought[first:last], first, wanted).T
        audience.flush()
        answers[f"audience_{level}"] = path.name
    return answers


def _best(customer: str, items: pd.Index, score: np.ndarray) -> pd.DataFrame:
    many = min(PLACES, len(score))
    best = np.argpartition(-score, many - 1)[:many]
    best = best[np.lexsort((best, -score[best]))]
    best = best[np.isfinite(score[best])]
    return pd.DataFrame({"customer_id": customer, "item": items[best], "place": np.arange(1, len(best) + 1)})


def _parts(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, ROWS):
        yield first, min(first + ROWS, count)


def _write(table: pd.DataFrame, folder: Path, name: str) -> str:
    table.to_parquet(folder / f"{name}.parquet", index=False)
    return f"{name}.parquet"


def main() -> None:
    """Run each peer in turn; one that fails says so and the next one runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--horizons", default="30,90")
    parser.add_argument("--levels", default="")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    horizons = [int(text) for text in args.horizons.split(",") if text]
    levels = [text for text in args.levels.split(",") if text]
    folder, as_of = args.folder, args.as_of
    runs: dict[str, tuple[str, Callable[[], Answers]]] = {
        "lifetimes_bgnbd": ("lifetimes", lambda: lifetimes_model(folder, as_of, horizons, modified=False)),
        "lifetimes_mbgnbd": ("lifetimes", lambda: lifetimes_model(folder, as_of, horizons, modified=True)),
        "lightgbm": ("lightgbm", lambda: lightgbm(folder, horizons)),
    }
    if levels:
        for name in ("tfidf", "cosine", "als"):
            runs[f"implicit_{name}"] = ("implicit", lambda name=name: implicit_model(folder, levels, name))
    done: dict[str, dict[str, object]] = {}
    for peer, (package, run) in runs.items():
        began = time.perf_counter()
        try:
            done[peer] = {"version": f"{package} {version(package)}", "answers": run()}
        except CannotError as error:
            done[peer] = {"reason": str(error)}
        except Exception as error:  # another tool's fault must not hide what the others say
            done[peer] = {"reason": " ".join(f"{type(error).__name__}: {error}".split())}
        done[peer]["seconds"] = round(time.perf_counter() - began, 1)
    print(json.dumps(done))


if __name__ == "__main__":
    main()
