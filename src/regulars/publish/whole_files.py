"""A destination that is written whole: no batches, but one file, and the ledger knows who is in it."""

import pyarrow as pa

from regulars.publish.apply import Run
from regulars.publish.destinations.customer_match import customer_match
from regulars.publish.destinations.files import FilesDestination
from regulars.publish.erasure import erased_customers
from regulars.publish.identifiers import Platform
from regulars.publish.ledger import BatchRow
from regulars.publish.plan import CONTACTS, PROPERTIES, Plan
from regulars.publish.source import Left, contact_names


def write_file(run: Run, destination: FilesDestination, plan: Plan) -> None:
    """Write the file of a sync whole, unless it is as it should be, and note who is in it.

    Raises
    ------
    DestinationError: the folder cannot be written.
    """
    sync = run.sync
    is_nobody_in_no_file = plan.there == 0 and not destination.is_there(sync.object_name)
    if plan.writes == 0 and (destination.is_whole(sync.object_name) or is_nobody_in_no_file):
        return
    erased = _leave_out_erased(run)
    query, refused = _file_query(run, destination)
    _note_who_comes(run)
    manifest = destination.write(
        run.ledger.planning,
        query,
        sync.object_name,
        {"audience": sync.audience, "as_of_date": plan.as_of_date, "definition_hash": plan.definition_hash},
    )
    run.result.requests += 1
    ledger = run.ledger
    with ledger.transaction():
        ledger.execute(
            "update sync_state set removed_at = cast($now as timestamp), source_hash = '' where sync_id = $sync"
            " and removed_at is null and not exists"
            " (select 1 from wanted where wanted.customer_id = sync_state.customer_id)",
            now=run.now(), sync=run.sync_id,
        )  # fmt: skip
        ledger.execute(
            "delete from sync_state where sync_id = $sync and customer_id in (select customer_id from wanted)",
            sync=run.sync_id,
        )
        ledger.execute(
            "insert into sync_state (sync_id, customer_id, source_hash, mapping_hash, sent_as, filled, remote_id,"
            " acked_at) select $sync, customer_id, source_hash, $mapping, '', '', '', cast($now as timestamp)"
            " from wanted",
            sync=run.sync_id, mapping=run.mapping_hash, now=run.now(),
        )  # fmt: skip
    # Of those who were refused before and are as they were, nothing is new.
    query = "select customer_id from compared where kind in ('add', 'update')"
    planned = set(ledger.planning.execute(query).fetchall()) if refused else set()
    newly = [one for one in refused if (one.noted.customer_id,) in planned]
    if refused:
        # They are not in the file: of them the state says nothing, and the list of rejects why.
        run.reject_left("upsert", newly)
        ledger.execute(
            "delete from sync_state where sync_id = $sync"
            " and customer_id in (select unnest(cast($customers as varchar[])))",
            sync=run.sync_id, customers=[one.noted.customer_id for one in refused],
        )  # fmt: skip
    destination.finish(sync.object_name, manifest)
    run.result.reject("erased", erased)
    run.result.acknowledged += plan.writes - len(newly) - erased
    run.progress(plan.writes)


def _leave_out_erased(run: Run) -> int:
    """Want nobody in a file whom somebody asked to erase since it was planned; how many of the plan that are."""
    connection = run.ledger.planning
    gone = sorted(erased_customers(run.ledger))
    if not gone:
        return 0
    # Not a view of the one that it replaces.
    connection.execute(
        "create or replace temp table not_erased as"
        " select * from wanted where customer_id not in (select unnest($gone::varchar[]))",
        {"gone": gone},
    )
    connection.execute("create or replace temp view wanted as select * from not_erased")
    ((planned,),) = connection.execute(
        "select count(*) from compared where kind in ('add', 'update')"
        " and customer_id in (select unnest($gone::varchar[]))",
        {"gone": gone},
    ).fetchall()
    return int(planned)


def _note_who_comes(run: Run) -> None:
    """Before a file is written: of whom it is the first to hold, that she once was there.

    So an erasure looks into it, even if the run is killed before the ledger knows that it was written. A plan takes
    them to be new as before, and writes it again in any case, as it has no manifest.
    """
    ledger = run.ledger
    with ledger.transaction():
        ledger.know_wanted()
        ledger.execute(
            "insert into sync_state (sync_id, customer_id, source_hash, mapping_hash, sent_as, filled, remote_id,"
            " removed_at) select $sync, customer_id, '', '', '', '', '', cast($now as timestamp) from wanted"
            " where not exists (select 1 from sync_state as known where known.sync_id = $sync"
            " and known.customer_id = wanted.customer_id)",
            sync=run.sync_id, now=run.now(),
        )  # fmt: skip


def _file_query(run: Run, destination: FilesDestination) -> tuple[str, list[Left]]:
    """The rows of a file as a query, and who cannot be in it. Uploads are hashed by Python, which is the authority."""
    sync, connection = run.sync, run.ledger.planning
    columns = [f"contacts.{name}" for name in sync.identifiers] + [f"segments.{name}" for name in sync.properties]
    joined = (
        f" from wanted left join {CONTACTS} as contacts on wanted.customer_id = contacts.customer_id"
        f" left join {PROPERTIES} as segments on wanted.customer_id = segments.customer_id order by wanted.customer_id"
    )
    if destination.settings.layout == "plain":
        return f"select wanted.customer_id{''.join(', ' + column for column in columns)}{joined}", []
    names = contact_names(sync)
    value = f", segments.{sync.value}" if sync.value else ""
    found = connection.execute(
        f"select wanted.customer_id, wanted.source_hash{''.join(f', contacts.{name}' for name in names)}{value}{joined}"
    ).fetchall()
    upload = customer_match(
        Platform.META if destination.settings.layout == "meta_customer_match" else Platform.GOOGLE,
        [dict(zip(names, row[2:], strict=False)) for row in found],
        sync.identifiers,
        [row[-1] for row in found] if sync.value else None,
    )
    connection.register(
        "upload", pa.table([pa.array(column, pa.string()) for column in upload.columns], list(upload.header))
    )
    refused = [
        Left(BatchRow(found[place][0], found[place][1], "", "", True), problem.code, problem.pointer)
        for place, problem in sorted(upload.unsendable.items())
    ]
    return "select * from upload", refused
