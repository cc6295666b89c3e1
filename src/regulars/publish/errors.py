"""What can go wrong while publishing, and the exit codes: 1 some rows are not there yet, 2 nothing was done."""

from regulars.errors import RegularsError


class PublishRefusedError(RegularsError):
    """Nothing was sent: the settings, the source or the ledger are not what they must be."""

    exit_code = 2


class SettingsError(PublishRefusedError):
    """`publish.yml` says something that cannot be; the message names the line and what would be right."""


class SecretError(PublishRefusedError):
    """A secret is not where the settings say, or stands in the settings itself."""


class WrongLedgerError(PublishRefusedError):
    """`ledger:` names the warehouse, or a ledger that knows of nothing where the warehouse knows of runs."""


class NoAudiencesError(PublishRefusedError):
    """The warehouse is none that `dbt build` made."""


class LockedError(PublishRefusedError):
    """Another run works on the same sync."""


class MovedError(PublishRefusedError):
    """A plan was made for a world that is not there any more."""


class LedgerError(RegularsError):
    """The ledger failed in mid-run; what was not noted as acknowledged is settled by the next run."""

    exit_code = 1


class DestinationError(RegularsError):
    """A destination refused or could not be reached; what was not acknowledged stays pending."""

    exit_code = 1


class ReconcileError(RegularsError):
    """Rows went missing between plan and acknowledgement: a defect, and never silent."""

    exit_code = 1
