"""Typed exceptions and the exit codes they map to.

Every error that a person can cause is a `RegularsError`; the command line prints its message and leaves with its
`exit_code`. Anything else is a defect and keeps its traceback.
"""


class RegularsError(Exception):
    """Something a person can put right. The message says what is wrong, where, and what would be right."""

    exit_code = 2


class UsageError(RegularsError):
    """The words of the call are off: an unknown preset, a missing file, an option out of range."""

    exit_code = 2


class InputRejectedError(RegularsError):
    """The data was read, but too many of its rows cannot be used; nothing of the file was kept."""

    exit_code = 1


class WarehouseError(RegularsError):
    """The warehouse file cannot be opened, is locked by another process, or lacks what the command needs."""

    exit_code = 2


class PredictionError(RegularsError):
    """A prediction cannot be made from what was given."""

    exit_code = 1


class HistoryError(PredictionError):
    """Order histories that cannot be: a last order before the first, or more order days than days."""


class FitError(PredictionError):
    """A model has nothing to learn from: nobody, or nobody who came back."""


class HorizonError(PredictionError):
    """A horizon, limit or probability that is out of range."""


class ExperimentError(RegularsError):
    """Figures of an experiment that no experiment can have."""

    exit_code = 1
