"""What can be wrong with the input of the interest model."""

from regulars.errors import RegularsError


class AffinityInputError(RegularsError):
    """A table lacks a column, or names a customer or an item that the other tables do not know."""

    exit_code = 2
