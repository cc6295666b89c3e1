"""Numbers in sentences."""

from decimal import Decimal


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 customer``, ``1,234 customers``; ``many`` where an s is not enough."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def money(amount: Decimal, currency: str) -> str:
    """An amount in whole units of its currency: ``1,234 EUR``."""
    return f"{round(amount):,} {currency}"
