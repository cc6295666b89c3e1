"""The figures of one run as a calm table, with goals where there are any."""

from typing import Any

PEERS = ("lifetimes_bgnbd", "lifetimes_mbgnbd", "lightgbm", "implicit_tfidf", "implicit_cosine", "implicit_als")
SHORT = {
    "recency": "recency", "own_frequency": "own freq.", "popularity": "popular", "lifetimes_bgnbd": "BG/NBD",
    "lifetimes_mbgnbd": "MBG/NBD", "lightgbm": "LightGBM", "implicit_tfidf": "TF-IDF", "implicit_cosine": "cosine",
    "implicit_als": "ALS",
}  # fmt: skip
HIGHER, LOWER, ZERO = "at least", "at most", "within ±"
GOALS: dict[str, tuple[str, float]] = {
    "auc_30d": (HIGHER, 0.81),
    "auc_90d": (HIGHER, 0.81),
    "log_loss_90d": (LOWER, 0.545),
    "calibration_error_90d": (LOWER, 0.03),
    "orders_rmse_90d": (LOWER, 1.09),
    "orders_bias_90d": (ZERO, 0.05),
    "revenue_gini_90d": (HIGHER, 0.825),
    "revenue_bias_90d": (ZERO, 0.10),
    "next_order_mae_days_90d": (LOWER, 19.0),
    "product_known_recall_at_10_90d": (HIGHER, 0.152),
    "product_known_ndcg_at_10_90d": (HIGHER, 0.372),
    "product_new_recall_at_10_90d": (HIGHER, 0.052),
    "product_audience_auc_90d": (HIGHER, 0.815),
    "product_audience_lift_at_10_percent_90d": (HIGHER, 5.5),
}
"""Of Online Retail II, United Kingdom, as of 2011-09-09, and of nothing else."""
PURCHASE = (
    ("auc", HIGHER), ("log_loss", LOWER), ("calibration_error", LOWER), ("mean_probability", None),
    ("group_error", LOWER), ("orders_rmse", LOWER), ("orders_bias", ZERO), ("revenue_gini", HIGHER),
    ("revenue_bias", ZERO), ("next_order_mae_days", LOWER), ("next_order_told_share", None),
)  # fmt: skip
ITEMS = (
    ("known_recall_at_10", HIGHER), ("known_ndcg_at_10", HIGHER), ("all_recall_at_10", HIGHER),
    ("all_ndcg_at_10", HIGHER), ("new_recall_at_10", HIGHER), ("first_ten_bias", None), ("audience_auc", HIGHER),
    ("audience_lift_at_10_percent", HIGHER),
)  # fmt: skip


def order() -> dict[str, str | None]:
    """Every figure in the order of the table, and which way is better."""
    names = {f"{name}_{h}d": better for h in (30, 90) for name, better in PURCHASE}
    return names | {f"{level}_{name}_90d": b for level in ("product", "category", "brand") for name, b in ITEMS}


def best_peer(values: dict[str, float | None], better: str | None) -> tuple[str, float] | None:
    """Which of the others has the best value."""
    others = {who: value for who, value in values.items() if who != "regulars" and value is not None}
    if not others or better is None:
        return None
    key = {HIGHER: lambda value: -value, LOWER: lambda value: value, ZERO: abs}[better]
    who = min(others, key=lambda name: key(others[name]))
    return who, others[who]


def is_met(goal: tuple[str, float], value: float) -> bool:
    """Whether a value is as good as the goal."""
    how, bar = goal
    return {HIGHER: value >= bar, LOWER: value <= bar, ZERO: abs(value) <= bar}[how]


def shown(result: dict[str, Any]) -> str:
    """Plain text: what was read, the table, and what could not be measured."""
    lines = result["lines"]
    said = [
        f"{lines['file']}: {lines['used']:,} of {lines['read']:,} lines, {lines['first_day']} to {lines['last_day']};"
        f" as of {result['as_of']}, {result['customers']:,} earlier buyers"
    ]
    said += [
        f"{name.removeprefix('purchase_')}: {facts['buyers']:,} bought ({facts['rate']:.4f})"
        for name, facts in result["facts"].items()
        if "rate" in facts
    ]
    for name, model in result["regulars"].items():
        if isinstance(model, dict):
            said.append(
                f"{name}: {model['basis'] or 'nothing'}"
                + (f" ({model['gate_reason']})" if model["gate_reason"] else "")
            )
    figures = result["figures"]
    goals = {name: tuple(goal) for name, goal in result.get("goals", {}).items()}
    who = [name for name in SHORT if any(values.get(name) is not None for values in figures.values())]
    header = ["metric", *(["goal"] if goals else []), "Regulars", "best peer", *(SHORT[name] for name in who)]
    rows = []
    for name, better in order().items():
        if name not in figures:
            continue
        values = figures[name]
        best = best_peer(values, better)
        row = [name]
        mine = values.get("regulars")
        if goals:
            row.append(f"{goals[name][0]} {goals[name][1]:g}" if name in goals else "")
        mark = ""
        if name in goals and mine is not None:
            mark = "" if is_met(goals[name], mine) else " missed"
        row.append(_number(mine) + mark)
        row.append(f"{_number(best[1])} {SHORT[best[0]]}" if best else "")
        row += [_number(values.get(peer)) for peer in who]
        rows.append(row)
    if rows:
        widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
        said.append("")
        for row in [header, ["-" * width for width in widths], *rows]:
            first, *others = (
                cell.ljust(w) if n == 0 else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            said.append("  ".join([first, *others]).rstrip())
    told = _together({name: why["regulars"] for name, why in result["reasons"].items() if "regulars" in why})
    told += _together({peer: model["reason"] for peer, model in result["peers"].items() if "reason" in model})
    told += [f"{peer}: {model['note']}" for peer, model in result["peers"].items() if "note" in model]
    if told or result["notes"]:
        said += ["", *result["notes"], *told]
    return "\n".join(said)


def _together(reasons: dict[str, str]) -> list[str]:
    """One sentence for everything that has the same reason."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return [f"{', '.join(found)}: {reason}" for reason, found in names.items()]


def _number(value: float | None) -> str:
    return "·" if value is None else f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"
