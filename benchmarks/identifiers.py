"""How many profiles a second are normalised and hashed for each platform, beside a loop that only hashes.

    python benchmarks/identifiers.py --profiles 200000

A profile is an e-mail address, a phone, a first and a last name. Every address and phone is another one, names come
again as they do in a shop. Phones are mobiles of eight countries, written with their country code or as at home. The
loop does `sha256(text.strip().lower().encode())` on the same four columns and knows no rule. Processor time of one
thread, the best of the rounds.
"""

import argparse
import hashlib
import random
import time
from collections.abc import Callable

from regulars.publish import phones
from regulars.publish.identifiers import RULES, Field, Platform, left_out_count, normalised_column

MEASURED = (Field.EMAIL, Field.PHONE, Field.FIRST_NAME, Field.LAST_NAME)
MOBILES = {
    "DK": ("+45", "", "20######"), "DE": ("+49", "0", "151########"), "SE": ("+46", "0", "70#######"),
    "GB": ("+44", "0", "7700 9#####"), "US": ("+1", "", "(415) 5##-####"), "FR": ("+33", "0", "6 ## ## ## ##"),
    "IT": ("+39", "", "347 #######"), "NL": ("+31", "0", "6 ########"),
}  # fmt: skip
"""Of each country: its code, what is dialled before a number at home, and a number."""
SYLLABLES = (
    "an",
    "bør",
    "ca",
    "da",
    "el",
    "fi",
    "gé",
    "ha",
    "in",
    "jo",
    "ka",
    "lü",
    "ma",
    "na",
    "ol",
    "pe",
    "ra",
    "so",
)


def profiles(count: int, share_at_home: float) -> dict[str, list[str]]:
    """So many made-up profiles, the same ones every time, column by column; with the customers' countries."""
    pick = random.Random(42)
    names = ["".join(pick.choices(SYLLABLES, k=3)).title() for _ in range(3_000)]
    columns: dict[str, list[str]] = {name: [] for name in (*MEASURED, "country")}
    for number in range(count):
        country = pick.choice(tuple(MOBILES))
        code, at_home, pattern = MOBILES[country]
        digits = "".join(str(pick.randrange(10)) if mark == "#" else mark for mark in pattern)
        is_at_home = pick.random() < share_at_home
        first, last = pick.choice(names), pick.choice(names)
        columns[Field.EMAIL].append(f"{first[:2]}.{number}+shop@{pick.choice(('gmail.com', 'Example.com', 'mail.dk'))}")
        columns[Field.PHONE].append(f"{at_home}{digits}" if is_at_home else f"{code} {digits}")
        columns[Field.FIRST_NAME].append(first)
        columns[Field.LAST_NAME].append(last)
        columns["country"].append(country)
    return columns


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Processor time of the fastest round; what the parser remembers is forgotten before each."""
    taken = []
    for _ in range(rounds):
        phones.parsed.cache_clear()
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


def only_hashed(values: list[str]) -> list[str]:
    """The loop to compare with."""
    return [hashlib.sha256(value.strip().lower().encode()).hexdigest() for value in values]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", type=int, default=200_000)
    parser.add_argument("--at-home", type=float, default=0.5, help="share of phones written without a country code")
    parser.add_argument("--rounds", type=int, default=6)
    asked = parser.parse_args()
    columns = profiles(asked.profiles, asked.at_home)
    countries = columns["country"]

    plain = sum(seconds(lambda field=field: only_hashed(columns[field]), asked.rounds) for field in MEASURED)
    print(f"{asked.profiles:,} profiles, {asked.at_home:.0%} of the phones written as at home")
    print(f"{'':10}{'profiles/s':>12}{'x loop':>8}   µs a value: " + "  ".join(MEASURED))
    print(f"{'loop':10}{asked.profiles / plain:12,.0f}{1:8.1f}")
    for platform in Platform:
        fields = {
            field: seconds(
                lambda field=field, platform=platform: normalised_column(columns[field], countries, platform, field),
                asked.rounds,
            )
            for field in MEASURED
        }
        total = sum(fields.values())
        each = "  ".join(f"{1e6 * fields[field] / asked.profiles:{len(field)}.2f}" for field in MEASURED)
        print(f"{platform:10}{asked.profiles / total:12,.0f}{total / plain:8.1f}   {'':12}{each}")

    sample = list(zip(columns[Field.PHONE], countries, strict=True))[:20_000]
    parsing = seconds(lambda: [phones.parsed.__wrapped__(*row) for row in sample], 1) / len(sample)
    found = normalised_column(columns[Field.PHONE], countries, Platform.GOOGLE, Field.PHONE)
    looked_up = sum(phones._looked_up(*row) is not None for row in sample) / len(sample)
    print(f"phones: {1e6 * parsing:.1f} µs each if all were parsed; {looked_up:.1%} looked up; ", end="")
    print(f"{left_out_count(columns[Field.PHONE], found)} left out; rules: {sum(map(len, RULES.values()))}")


if __name__ == "__main__":
    main()
