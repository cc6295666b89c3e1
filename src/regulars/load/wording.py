"""Small words of messages: numbers with their noun, sentences that end."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def ended(words: str) -> str:
    """The words as a sentence: a question keeps its mark, everything else gets a full stop."""
    return words if words.endswith((".", "?", "!")) else f"{words}."
