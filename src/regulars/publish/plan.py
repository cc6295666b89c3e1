"""What must change at one destination: a comparison, in SQL, of who should be there with who was acknowledged."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import duckdb

from regulars.publish.errors import MovedError, NoAudiencesError, PublishRefusedError
from regulars.publish.identifiers import NORMALISER_VERSION
from regulars.publish.ledger import Ledger, quoted
from regulars.publish.settings import Purpose, Settings, Sync, nearest
from regulars.publish.tombstones import find_buried

PROPERTIES = "shop.marts.customer_segments"
MEMBERS = "shop.marts.audience_members"
OVERVIEW = "shop.marts.audience_overview"
GUARDRAILS = "shop.marts.audience_guardrails"
CONTACTS = "shop.intermediate.int_customer_contacts"
CONSENT: dict[Purpose, tuple[str, ...]] = {
    "email": ("has_email_consent",),
    "sms": ("has_sms_consent",),
    "ads": ("has_ads_user_data_consent", "has_ads_personalization_consent"),
    "tracking": ("has_tracking_consent",),
}
WANTED = "select customer_id, source_hash from candidates where has_consent and has_identifier and not is_erased"
FEW = 100
"""Up to so many members a list may shrink as it likes."""


@dataclass(frozen=True)
class Plan:
    """Counts of one sync, never people. `world_hash` says what they were counted on."""

    sync_id: str
    name: str
    audience: str
    as_of_date: str = ""
    definition_hash: str = ""
    mapping_hash: str = ""
    world_hash: str = ""
    add: int = 0
    update: int = 0
    remove: int = 0
    keep: int = 0
    wait: int = 0
    no_consent: int = 0
    no_identifier: int = 0
    erased: int = 0
    held_back: int = 0
    """In the control arm, or outside the sample."""
    wanted: int = 0
    """Who should be there."""
    there: int = 0
    is_empty: bool = False
    """Nobody should be there, pause or not."""
    is_mapping_new: bool = False
    paused: str = ""
    """Why nobody is added: a guardrail of the audience that its newest campaign breached."""
    stopped: str = ""
    """Why apply would send nothing of it unless forced: a guard."""

    @property
    def is_made(self) -> bool:
        """It was counted; else `stopped` says why it could not be."""
        return bool(self.world_hash)

    @property
    def writes(self) -> int:
        """Rows that would be sent."""
        return self.add + self.update + self.remove

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self)


def sync_name(sync: Sync) -> str:
    """What people call a sync: destination and object, as `publish.yml` has them."""
    return f"{sync.destination}/{sync.object_name}"


def mapping_of(settings: Settings, sync: Sync) -> str:
    """A hash of everything that decides what is sent of a person."""
    payload = settings.destinations[sync.destination].payload_settings
    words = [sorted(sync.properties), sorted(sync.identifiers), sync.value, NORMALISER_VERSION, payload]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]


def consent(purpose: Purpose, table: str) -> str:
    """SQL that is true of who said yes to all that a purpose needs; nobody did who said nothing."""
    return " and ".join(f"coalesce({table}.{column}, false)" for column in CONSENT[purpose])


def read_wanted(ledger: Ledger, sync: Sync, key: bytes, *, is_retired: bool = False) -> dict[str, int]:
    """Fill the temporary table `wanted`: who should be at the destination, with a keyed hash of what is sent of her.

    Of a sync that is retired nobody is wanted. Returns who is left out: `no_consent`, `no_identifier`, `erased`,
    `held_back`.

    Raises
    ------
    PublishRefusedError: a customer stands more than once in a table that says something of her.
    """
    connection = ledger.planning
    sent = [f"segments.{name}" for name in sync.columns] + [f"contacts.{name}" for name in sync.identifiers]
    sent += ["contacts.country"] if "phone" in sync.identifiers else []
    sent += ["members.value"] if sync.value == "member_value" else []
    # Characters that no text has: what ends one value and begins the next, and what stands for none.
    words = ", ".join(f"coalesce(cast({each} as varchar), chr(30))" for each in sent)
    if is_retired:
        connection.execute(
            "create or replace temp view wanted as select customer_id, '' as source_hash from ledger_state where false"
        )
        return {"no_consent": 0, "no_identifier": 0, "erased": 0, "held_back": 0}
    arms = "members.arm = 'treatment' and members.is_sampled" if sync.arms == "treatment" else "true"
    ((tombstones,),) = ledger.fetch("select count(*) from tombstone")
    is_erased = "false"
    if tombstones:
        find_buried(
            connection,
            key,
            f"select members.customer_id, contacts.email, contacts.phone, contacts.country from {MEMBERS} as members"
            f" left join {CONTACTS} as contacts on members.customer_id = contacts.customer_id"
            f" where members.audience = {quoted(sync.audience)} and {arms}",
        )
        is_erased = "members.customer_id in (select customer_id from buried)"
    connection.execute(
        f"""
        create or replace temp table candidates as
        select
            members.customer_id,
            {consent(sync.purpose, "segments")} as has_consent,
            {" or ".join(f"contacts.{name} is not null" for name in sync.identifiers)} as has_identifier,
            {is_erased} as is_erased,
            md5(concat_ws(chr(31), {quoted(key.decode())}, {words})) as source_hash
        from {MEMBERS} as members
        left join {PROPERTIES} as segments on members.customer_id = segments.customer_id
        left join {CONTACTS} as contacts on members.customer_id = contacts.customer_id
        where members.audience = ? and {arms}
        """,
        [sync.audience],
    )
    connection.execute(f"create or replace temp view wanted as {WANTED}")
    ((count, no_consent, no_identifier, erased),) = connection.execute(
        "select count(*), count(case when not has_consent and not is_erased then 1 end),"
        " count(case when has_consent and not has_identifier and not is_erased then 1 end),"
        " count(case when is_erased then 1 end) from candidates"
    ).fetchall()
    ((members, held_back),) = connection.execute(
        f"select count(case when {arms} then 1 end), count(case when not ({arms}) then 1 end) from {MEMBERS} as members"
        " where members.audience = ?",
        [sync.audience],
    ).fetchall()
    if count != members:
        # A join that makes rows would send her twice, perhaps to two addresses.
        raise PublishRefusedError(
            f"{sync.audience}: of its {members:,} members, {count - members:,} rows too many are found in"
            " customer_segments and int_customer_contacts, which have a customer more than once; dbt test says which"
        )
    return {"no_consent": no_consent, "no_identifier": no_identifier, "erased": erased, "held_back": held_back}


def check_source(connection: duckdb.DuckDBPyConnection, sync: Sync, *, is_there: bool = True) -> None:
    """Refuse a sync whose source is not what it must be, before anything is sent anywhere.

    `is_there`: the ledger says that somebody is at the destination.

    Raises
    ------
    NoAudiencesError: the warehouse has no audiences.
    PublishRefusedError: it has not this one, or not a column, or a customer twice.
    """
    try:
        known = _columns(connection, PROPERTIES)
        contacts = _columns(connection, CONTACTS)
        audiences = [name for (name,) in connection.execute(f"select audience from {OVERVIEW} order by all").fetchall()]
        connection.execute(f"select 1 from {GUARDRAILS} limit 0")
    except duckdb.CatalogException as error:
        raise NoAudiencesError(
            "the warehouse has no audiences to publish (audience_overview, customer_segments and"
            " int_customer_contacts); run dbt build first"
        ) from error
    unknown = [name for name in sync.columns if name not in known]
    if unknown:
        raise PublishRefusedError(
            f"{sync_name(sync)}: customer_segments has no column {', '.join(unknown)}; {nearest(unknown[0], known)}"
        )
    needed = {
        "customer_segments": [name for name in ("customer_id", *CONSENT[sync.purpose]) if name not in known],
        # By the other three it is found out who was erased, and how a number is read.
        "int_customer_contacts": [
            name for name in dict.fromkeys(("customer_id", *sync.identifiers, "email", "phone", "country"))
            if name not in contacts
        ],
    }  # fmt: skip
    for table, missing in needed.items():
        if missing:
            raise PublishRefusedError(
                f"{sync_name(sync)}: {table} has no column {', '.join(missing)}, which {sync.purpose} to"
                f" {', '.join(sync.identifiers)} needs; was the model changed? Run dbt build with the one of this"
                " version"
            )
    if sync.audience not in audiences:
        raise PublishRefusedError(
            f"{sync_name(sync)}: there is no audience {sync.audience} in the warehouse;"
            f" {nearest(sync.audience, audiences)}"
            + (
                ". Whoever was published of it is still there: put it back, or `regulars publish retire --only"
                f" {sync_name(sync)}` removes them"
                if is_there
                else ""
            )
        )
    ((nobody, twice),) = connection.execute(
        "select count(case when customer_id is null then 1 end), count(customer_id) - count(distinct customer_id)"
        f" from {MEMBERS} where audience = ?",
        [sync.audience],
    ).fetchall()
    if nobody or twice:
        raise PublishRefusedError(
            f"{sync.audience}: {nobody} rows without a customer and {twice} customers more than once in"
            " audience_members; dbt test says which model returns them"
        )


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [name for (name,) in connection.execute(f"select column_name from (describe {table})").fetchall()]


def compare(
    ledger: Ledger, settings: Settings, sync: Sync, mapping_hash: str, key: bytes, refresh_after: timedelta | None,
    now: datetime, *, is_forced: bool = False, is_retired: bool = False,
) -> Plan:  # fmt: skip
    """Compare who is wanted with what the ledger says is there; fills the temporary table `compared`.

    `compared` has customer_id, source_hash, what the ledger has of her (sent_as, filled, remote_id, is_new) and kind:
    add, update, remove, wait, which is a row that is under way, or was rejected as it is now and is not due yet, or
    paused, which would be added or updated but for a guardrail.
    """
    connection = ledger.planning
    sync_id = settings.sync_id(sync)
    ledger.show_to_planner(sync_id)
    left_out = read_wanted(ledger, sync, key, is_retired=is_retired)
    refresh = "false"
    if refresh_after is not None:
        refresh = f"there.acked_at <= {quoted(str(now - refresh_after))}::timestamp"
    # There is no use in writing out millions of rows that stay as they are: only they are counted.
    connection.execute(
        f"""
        create or replace temp table compared as
        with
        there as (select * from ledger_state where removed_at is null),
        joined as (
            select
                coalesce(wanted.customer_id, there.customer_id) as customer_id,
                wanted.source_hash,
                wanted.customer_id is not null as is_wanted,
                there.customer_id is not null as is_there,
                there.source_hash is distinct from wanted.source_hash as is_other,
                there.mapping_hash is distinct from $mapping or coalesce({refresh}, false) as is_stale,
                there.sent_as,
                there.filled,
                there.remote_id
            from wanted
            full outer join there on wanted.customer_id = there.customer_id
        ),
        changed as (
            select * from joined where is_wanted <> is_there or is_other or is_stale
        ),
        was_there as (
            select customer_id, max(remote_id) as remote_id from ledger_state where removed_at is not null group by all
        )
        select
            changed.customer_id,
            coalesce(changed.source_hash, '') as source_hash,
            case
                when flight.customer_id is not null then 'wait'
                when
                    rejected.next_attempt_at > $now and rejected.source_hash = coalesce(changed.source_hash, '')
                    then 'wait'
                when not changed.is_wanted then 'remove'
                when not changed.is_there then 'add'
                else 'update'
            end as kind,
            coalesce(changed.sent_as, '') as sent_as,
            coalesce(changed.filled, '') as filled,
            coalesce(changed.remote_id, was_there.remote_id, '') as remote_id,
            not changed.is_there and was_there.customer_id is null as is_new
        from changed
        left join was_there on changed.customer_id = was_there.customer_id
        left join ledger_flight as flight on changed.customer_id = flight.customer_id
        left join ledger_reject as rejected on changed.customer_id = rejected.customer_id
        """,
        {"now": now, "mapping": mapping_hash},
    )
    paused = "" if is_forced or is_retired else read_pause(connection, sync)
    ((wanted_before_pause,),) = connection.execute("select count(*) from wanted").fetchall()
    if paused:
        # Not deleted: of who was rejected the reason stays, and how often she was tried.
        connection.execute("update compared set kind = 'paused' where kind in ('add', 'update')")
        # Not a view of the ledger, which is written while this is read.
        connection.execute(
            f"create or replace temp table staying as {WANTED}"
            " and customer_id in (select customer_id from ledger_state where removed_at is null)"
        )
        connection.execute("create or replace temp view wanted as select * from staying")
    counts = dict(connection.execute("select kind, count(*) from compared group by kind").fetchall())
    ((as_of, definition, worlds),) = connection.execute(
        f"""
        select
            cast(max(overview.as_of_date) as varchar),
            max(overview.definition_hash),
            (
                select cast(bit_xor(hash(customer_id, source_hash, kind)) as varchar)
                from compared
                -- What is under way, or waits for another attempt or the end of a pause, is no part of the plan.
                where kind not in ('wait', 'paused')
            )
        from {OVERVIEW} as overview
        where overview.audience = ?
        """,
        [sync.audience],
    ).fetchall()
    ((there, other_mapping),) = connection.execute(
        "select count(*), count(case when mapping_hash not in (?, '') then 1 end) from ledger_state"
        " where removed_at is null",
        [mapping_hash],
    ).fetchall()
    ((wanted, waiting),) = connection.execute(
        "select (select count(*) from wanted),"
        " (select count(*) from compared where kind = 'wait' and source_hash <> '')"
    ).fetchall()
    plan = Plan(
        sync_id=sync_id,
        name=sync_name(sync),
        audience=sync.audience,
        as_of_date=as_of or "",
        definition_hash=definition or "",
        mapping_hash=mapping_hash,
        world_hash=hashlib.sha256(f"{worlds}|{mapping_hash}|{as_of}".encode()).hexdigest()[:16],
        add=counts.get("add", 0),
        update=counts.get("update", 0),
        remove=counts.get("remove", 0),
        keep=wanted - counts.get("add", 0) - counts.get("update", 0) - waiting,
        wait=counts.get("wait", 0),
        wanted=wanted,
        there=there,
        is_empty=wanted_before_pause == 0,
        is_mapping_new=other_mapping > 0,
        paused=paused,
        **left_out,  # type: ignore[arg-type]
    )
    return replace(plan, stopped=guard_of(plan, sync))


def read_pause(connection: duckdb.DuckDBPyConnection, sync: Sync) -> str:
    """Why nobody may be added: what the newest campaign with enough e-mails did to the audience, or nothing."""
    found = connection.execute(
        f"""
        select
            campaign_id, guardrail_state, open_rate, open_rate_at_least, unsubscribe_rate, unsubscribe_rate_below,
            complaint_rate, complaint_rate_below
        from {GUARDRAILS}
        where audience = ? and guardrail_state <> 'not_enough_emails'
        order by last_received_on desc, campaign_id desc
        limit 1
        """,
        [sync.audience],
    ).fetchall()
    if not found or found[0][1] != "breached":
        return ""
    campaign, _, opened, opened_from, unsubscribed, unsubscribed_below, complained, complained_below = found[0]
    reasons = []
    if opened_from is not None and opened < opened_from:
        reasons.append(f"opened by {opened:.2%} (at least {opened_from:.2%})")
    if unsubscribed_below is not None and unsubscribed >= unsubscribed_below:
        reasons.append(f"unsubscribed by {unsubscribed:.2%} (below {unsubscribed_below:.2%})")
    if complained_below is not None and complained >= complained_below:
        reasons.append(f"marked as spam by {complained:.2%} (below {complained_below:.2%})")
    return f"{sync.audience} is paused: campaign {campaign} was {', '.join(reasons)}"


def guard_of(plan: Plan, sync: Sync) -> str:
    """What is more likely a broken source than a wish, or nothing.

    Nobody is left, or more go than `max_removal_share` of a list with more than 100 members.
    """
    if plan.is_empty and plan.there > 0 and not sync.allow_empty:
        return (
            f"{plan.name}: nobody is left to send of {plan.audience}, and {plan.there:,} are there; if that is meant,"
            f" `regulars publish apply --only {plan.name} --force`, or set allow_empty: true"
        )
    if plan.there > FEW and plan.remove > sync.max_removal_share * plan.there:
        return (
            f"{plan.name}: {plan.remove:,} of {plan.there:,} would be removed, more than max_removal_share"
            f" {sync.max_removal_share:g}; look at `regulars audience show {plan.audience}`, and if it is meant,"
            f" `regulars publish apply --only {plan.name} --force`"
        )
    return ""


def check_unmoved(planned: Plan, found: Plan) -> None:
    """Refuse to apply a plan that was made for another world.

    Raises
    ------
    MovedError: people, properties, consents, acknowledgements or settings changed since.
    """
    if planned.sync_id != found.sync_id:
        raise MovedError(
            f"{planned.name}: the plan was made for {planned.sync_id}, and publish.yml says {found.sync_id} now."
            " Look at the new plan: regulars publish plan"
        )
    if planned.world_hash != found.world_hash:
        raise MovedError(
            f"{planned.name}: the plan was made for {planned.add} to add, {planned.update} to update and"
            f" {planned.remove} to remove; now it would be {found.add}, {found.update} and {found.remove}."
            " Look at the new plan: regulars publish plan"
        )
