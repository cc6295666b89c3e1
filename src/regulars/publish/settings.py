"""`publish.yml`: which destinations there are, and which audience goes where, with what, on whose consent.

Everything is checked before anything is opened. An error names the line of the file and what would be right.
"""

import os
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from regulars.publish.errors import SecretError, SettingsError

DEFAULT_FILE = Path("publish.yml")
MOST_NAMES = 10
"""So many of the names that there are stand in an error."""
Purpose = Literal["email", "sms", "ads", "tracking"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Share = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    """A key that nobody knows is a mistake, not a comment."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(Strict):
    """Where a secret is: the name of an environment variable, or a file that holds nothing else."""

    env: str | None = None
    file: Path | None = None
    """A relative path counts from the folder of `publish.yml`."""
    _wanted_by: str = PrivateAttr(default="publish.yml needs the secret it holds")
    _form: Literal["line", "header", "json"] = PrivateAttr(default="line")
    """One line of any letters; one that goes into an HTTP header, which has fewer; JSON, which may have many lines."""

    @model_validator(mode="before")
    @classmethod
    def _never_literal(cls, given: object) -> object:
        if not isinstance(given, dict):
            raise ValueError("a secret never stands in this file; write {env: NAME_OF_A_VARIABLE} or {file: PATH}")
        return given

    @field_validator("file")
    @classmethod
    def _beside_the_settings(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        return info.context["folder"] / file if file is not None and info.context else file

    @model_validator(mode="after")
    def _one_place(self) -> "Secret":
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret is in one place: {env: NAME_OF_A_VARIABLE} or {file: PATH}")
        return self

    def read(self) -> str:
        """The secret itself.

        Raises
        ------
        SecretError: the variable is not set, the file cannot be read or is empty, or it has a letter that cannot be.
        """
        if self.env is not None:
            found = os.environ.get(self.env, "")
            where = f"the environment variable {self.env}"
        else:
            assert self.file is not None
            where = f"the file {self.file}"
            try:
                found = self.file.read_text(encoding="utf-8")
            except OSError as error:
                raise SecretError(f"{where} cannot be read: {error.strerror}; {self._wanted_by}") from error
            except UnicodeDecodeError:
                # Its words have a byte of the secret.
                raise SecretError(f"{where} is no text in UTF-8; {self._wanted_by}") from None
        if not found.strip():
            raise SecretError(f"{where} is empty or not set; {self._wanted_by}")
        problem = _problem_of_letters(found.strip(), self._form)
        if problem:
            raise SecretError(f"{where} {problem}; {self._wanted_by}")
        return found.strip()


def _problem_of_letters(secret: str, form: str) -> str:
    """What no secret of this form has: sent on, it would be an error of a library, which repeats it."""
    allowed = "\n\r\t" if form == "json" else ""
    if any(unicodedata.category(letter) == "Cc" and letter not in allowed for letter in secret):
        what = "a control character" if allowed else "a line break or another control character"
        return f"has {what} inside, which no such secret has; was it copied whole, and alone?"
    try:
        secret.encode("latin-1" if form == "header" else "utf-8")
    except UnicodeEncodeError:
        if form == "header":
            return "has a letter that no HTTP header may have; was it copied as it is, and not as a page shows it?"
        return "is no text in UTF-8"
    return ""


def _nobody_reads_along(url: str) -> str:
    host = re.sub(r"^https?://", "", url).split("/")[0]
    if "@" in host:
        raise ValueError("a password in the address would be read in logs; name a secret instead")
    if url.startswith("http://") and not re.match(r"(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$", host):
        raise ValueError("people's data goes over https; http is for this machine only (127.0.0.1, localhost)")
    return url.rstrip("/")


Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+"), AfterValidator(_nobody_reads_along)]


class Place(Strict):
    """What every destination has."""

    @property
    def payload_settings(self) -> dict[str, object]:
        """What of these settings changes the bytes that are sent of a person; another value sends everybody anew."""
        return {}


class Files(Place):
    """Files in a folder: one per audience, written whole, with a manifest."""

    type: Literal["files"]
    folder: Path
    format: Literal["csv", "parquet"] = "csv"
    layout: Literal["plain", "meta_customer_match", "google_customer_match"] = "plain"
    """`plain`: customer, identifiers and properties as the shop has them. The others are the files that Meta and Google
    Ads take by upload, hashed as they ask for it."""

    @property
    def account(self) -> str:
        """Where it writes, whatever it is called in `publish.yml`."""
        return str(self.folder)

    @property
    def payload_settings(self) -> dict[str, object]:
        """As every destination has it."""
        return {"format": self.format, "layout": self.layout}


class Http(Place):
    """What every destination behind an address has."""

    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    """How long one answer may take."""
    deadline_seconds: Annotated[float, Field(gt=0, le=3600)] = 120
    """How long one request is tried again."""


class Webhook(Http):
    """Batches of JSON to an address of one's own."""

    type: Literal["webhook"]
    url: Url
    signing_secret: Secret
    rows_per_batch: Annotated[int, Field(ge=1, le=100_000)] = 1000
    bytes_per_batch: Annotated[int, Field(ge=1_000, le=50_000_000)] = 1_000_000
    concurrency: Annotated[int, Field(ge=1, le=16)] = 4
    """Requests under way at once."""

    @property
    def account(self) -> str:
        """Where it writes, whatever it is called in `publish.yml`."""
        return self.url


class Postgres(Place):
    """A serving table per audience."""

    type: Literal["postgres"]
    url: Secret
    """postgresql://user:password@host/database"""
    database: Annotated[str, Field(min_length=1)]
    """What people call that database, such as its host and name; it stands in the ledger in place of the secret."""
    schema_name: Annotated[str, Field(alias="schema", pattern=r"^[a-z_][a-z0-9_]*$", max_length=63)] = "regulars"
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60

    @property
    def account(self) -> str:
        """Where it writes, whatever it is called in `publish.yml`."""
        return f"{self.database}/{self.schema_name}"


class Klaviyo(Http):
    """Profiles and lists of a Klaviyo account."""

    type: Literal["klaviyo"]
    account_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{6}$")]
    """The public API key of six letters, which says which account is meant."""
    api_key: Secret
    revision: Annotated[str, Field(pattern=r"^20\d\d-\d\d-\d\d$")] = "2026-07-15"
    url: Url = "https://a.klaviyo.com"
    poll_seconds: Annotated[float, Field(ge=0, le=3600)] = 300
    """How long a run waits for the jobs it started; those that go on are looked at by the next run."""

    @property
    def account(self) -> str:
        """Where it writes, whatever it is called in `publish.yml`."""
        return self.account_id


class Meta(Http):
    """Custom audiences of a Meta ad account."""

    type: Literal["meta"]
    ad_account: Annotated[str, Field(pattern=r"^(act_)?\d+$")]
    access_token: Secret
    app_secret: Secret | None = None
    """Signs every request (`appsecret_proof`) where the app asks for it."""
    version: Annotated[str, Field(pattern=r"^v\d+\.\d+$")] = "v26.0"
    url: Url = "https://graph.facebook.com"
    limited_data_use: bool = False
    """Limited data use for people in states of the USA that ask for it; Meta finds out where they are."""
    create_audiences: bool = False
    """Make an audience that is not there; else that is an error."""

    @property
    def account(self) -> str:
        """Where it writes, whatever it is called in `publish.yml`."""
        return self.ad_account.removeprefix("act_")

    @property
    def payload_settings(self) -> dict[str, object]:
        """As every destination has it."""
        return {"limited_data_use": self.limited_data_use}


class Google(Http):
    """Customer match of a Google account, by the Data Manager API."""

    type: Literal["google"]
    operating_account: Annotated[str, Field(pattern=r"^\d{3}-?\d{3}-?\d{4}$")]
    """The Google Ads account whose user list it is."""
    login_account: Annotated[str, Field(pattern=r"^\d{3}-?\d{3}-?\d{4}$")] | None = None
    """The manager account that has access, if it is another."""
    credentials: Secret
    """The JSON of a service account or of an authorized user."""
    membership_duration_days: Annotated[int, Field(ge=1, le=540)] = 540
    url: Url = "https://datamanager.googleapis.com"
    token_url: Url = "https://oauth2.googleapis.com/token"
    poll_seconds: Annotated[float, Field(ge=0, le=3600)] = 60
    """How long a run waits for Google to say how it went; the next run asks again."""

    @property
    def account(self) -> str:
        """Where it writes, whatever it is called in `publish.yml`."""
        return self.operating_account.replace("-", "")


Destination = Annotated[Files | Webhook | Postgres | Klaviyo | Meta | Google, Field(discriminator="type")]
KINDS: dict[str, type[Strict]] = {
    "files": Files,
    "webhook": Webhook,
    "postgres": Postgres,
    "klaviyo": Klaviyo,
    "meta": Meta,
    "google": Google,
}
TYPES = tuple(KINDS)
Contact = Literal["email", "phone", "first_name", "last_name", "country", "postal_code"]


class Sync(Strict):
    """One audience to one object of one destination."""

    audience: Annotated[str, Field(min_length=1)]
    destination: str
    purpose: Purpose
    object: str | None = None
    properties: tuple[str, ...] = ()
    identifiers: Annotated[tuple[Contact, ...], Field(min_length=1)] = ("email",)
    value: str | None = None
    """What a person is worth to a seed of lookalikes: a column of customer_segments, or `member_value`, the audience's
    own."""
    arms: Literal["treatment", "all"] = "treatment"
    max_removal_share: Share = 0.3
    allow_empty: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of customer_segments."""
        return self.properties if self.value is None or self.value == "member_value" else (*self.properties, self.value)

    @property
    def object_name(self) -> str:
        """What the audience is called at the destination."""
        return self.object or self.audience.replace(":", "__")

    @field_validator("properties")
    @classmethod
    def _no_other_column(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        # A destination has one column of a name.
        if "customer_id" in names:
            raise ValueError("customer_id is always sent; leave it out")
        # customer_segments has a country too, which says more than where she may be written to.
        identifiers = [name for name in names if name in get_args(Contact) and name != "country"]
        if identifiers:
            raise ValueError(f"{identifiers[0]} is an identifier; put it under identifiers")
        return names

    @field_validator("properties", "identifiers")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands twice")
        return names

    @model_validator(mode="after")
    def _one_country(self) -> "Sync":
        if "country" in self.properties and "country" in self.identifiers:
            raise ValueError("country stands under identifiers and under properties; leave one out")
        return self


FORMS: dict[str, Literal["header", "json"]] = {"api_key": "header", "access_token": "header", "credentials": "json"}
"""Of secrets, by key; the others are one line of any letters, as a password of PostgreSQL may have."""


class Settings(Strict):
    """All of `publish.yml`."""

    destinations: dict[Name, Destination] = Field(min_length=1)
    syncs: tuple[Sync, ...] = Field(min_length=1)
    ledger: Secret | str = "publish_ledger.duckdb"
    """A DuckDB file, or the secret that holds the address of a PostgreSQL database."""
    key_secret: Secret | None = None
    """The key that people are named by where nobody may read who they are; by default a file beside the ledger."""
    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        """The folder of the file; relative paths in it count from there."""
        return self._folder

    def sync_id(self, sync: Sync) -> str:
        """Where a sync writes: the account and the object there. Another name, mapping or purpose is the same sync."""
        destination = self.destinations[sync.destination]
        return f"{destination.type}:{destination.account}/{sync.object_name}"

    @field_validator("ledger")
    @classmethod
    def _no_password(cls, ledger: Secret | str) -> Secret | str:
        if isinstance(ledger, str) and "://" in ledger:
            raise ValueError("an address with a password never stands in this file; write {env: NAME_OF_A_VARIABLE}")
        return ledger

    def _place(self, sync: Sync, folder: Path) -> tuple[str, str]:
        """The one thing that a sync writes, also where two syncs have it in other words."""
        destination = self.destinations[sync.destination]
        if not isinstance(destination, Files):
            return "", self.sync_id(sync)
        # Where a disk knows no case, `A.csv` and `a.csv` are one file.
        name = unicodedata.normalize("NFC", sync.object_name).casefold()
        return str((folder / destination.folder).resolve()), name

    @model_validator(mode="after")
    def _syncs_make_sense(self, info: ValidationInfo) -> "Settings":
        folder = info.context["folder"] if info.context else Path()
        seen: dict[tuple[str, str], int] = {}
        for number, sync in enumerate(self.syncs):
            if sync.destination not in self.destinations:
                raise ValueError(
                    f"syncs.{number}: there is no destination {sync.destination}; "
                    + nearest(sync.destination, self.destinations)
                )
            problem = _problem_of(sync, self.destinations[sync.destination])
            if problem:
                raise ValueError(f"syncs.{number}: {problem}")
            place = self._place(sync, folder)
            if place in seen:
                is_alike = self.sync_id(sync) == self.sync_id(self.syncs[seen[place]])
                raise ValueError(
                    f"syncs.{number}: syncs {seen[place] + 1} and {number + 1} both write {sync.object_name} of "
                    f"{sync.destination}{'' if is_alike else ', the same file in other words'}; each needs an object of"
                    " its own"
                )
            seen[place] = number
        return self

    @model_validator(mode="after")
    def _secrets_know_what_they_are_for(self) -> "Settings":
        places: list[tuple[str, Strict]] = [
            (f"the destination {name} needs it as its", each) for name, each in self.destinations.items()
        ]
        for words, place in [*places, ("publish.yml needs it as its", self)]:
            for name in type(place).model_fields:
                secret = getattr(place, name)
                if isinstance(secret, Secret):
                    secret._wanted_by = f"{words} {name}"
                    secret._form = FORMS.get(name, "line")
        return self


def nearest(name: str, known: Collection[str]) -> str:
    """What helps whoever wrote a name that there is not: the one that is most like it, and ten of those there are.

    Of a family that was written without its item (`interested_in_brands`), names with one.
    """
    items = [each for each in known if each.startswith(f"{name}:")]
    if items:
        return f"name an item: {_some(items)}"
    # Case is what people get wrong most.
    by_form = {each.casefold(): each for each in known}
    like = get_close_matches(name.casefold(), by_form, n=1)
    return (f"did you mean {by_form[like[0]]}? " if like else "") + f"there are: {_some(list(known))}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _problem_of(sync: Sync, destination: Destination) -> str:
    """What a destination cannot do with a sync."""
    if isinstance(destination, Files) and not re.fullmatch(r"\w[^/\\\0]*", sync.object_name):
        return f"'{sync.object_name}' is no name of a file; give the sync an object without slashes"
    is_upload = isinstance(destination, Files) and destination.layout != "plain"
    is_ads = destination.type in {"meta", "google"} or is_upload
    who = f"`layout: {destination.layout}`" if isinstance(destination, Files) and is_upload else destination.type
    if is_ads and sync.purpose != "ads":
        return f"{who} is advertising, and takes only people who agreed to that; the purpose must be ads"
    if is_ads and sync.properties:
        return f"{who} takes no properties; leave them out"
    if is_ads and not {"email", "phone"} & set(sync.identifiers):
        return f"{who} knows people by email or phone; identifiers need one of them"
    if destination.type == "klaviyo" and not {"email", "phone"} & set(sync.identifiers):
        return "klaviyo knows people by email or phone; identifiers need one of them"
    if is_upload and isinstance(destination, Files) and destination.format != "csv":
        return "the platforms take uploads as csv; the format must be csv"
    if is_upload and sync.value == "member_value":
        return "the value of an upload is a column of customer_segments"
    takes_value = destination.type == "meta" or (
        isinstance(destination, Files) and destination.layout == "meta_customer_match"
    )
    if sync.value is not None and not takes_value:
        return "only meta takes a value, the destination or `layout: meta_customer_match`"
    if destination.type == "klaviyo" and sync.purpose not in {"email", "sms"}:
        return "klaviyo writes e-mails and text messages; the purpose must be email or sms"
    return ""


def load_settings(path: Path) -> Settings:
    """The settings of a file, checked.

    Raises
    ------
    SettingsError: the file is not there, is no YAML, or says something that cannot be; with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(f"{path} does not exist; publish.example.yml is one to start from") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = str(getattr(error, "problem", error))
        if "'\\t'" in problem:
            problem = "YAML begins its lines with spaces, not tabs"
        raise SettingsError(f"{path}{line}: this is no YAML: {problem}") from error
    if node is None:
        raise SettingsError(f"{path} is empty; it needs `destinations:` and `syncs:`")
    if not isinstance(given, dict):
        raise SettingsError(f"{path} line 1: a mapping is right, with `destinations:` and `syncs:`")
    twice = next(_keys_twice(node), None)
    if twice:
        raise SettingsError(f"{path} line {twice[1]}: {twice[0]} stands twice")
    try:
        settings = Settings.model_validate(given, context={"folder": path.parent})
    except ValidationError as error:
        sentences = [
            f"line {_line(node, problem['loc'], problem['msg'])}: {_where(problem['loc'])}{_sentence(problem)}"
            for problem in _told_once(error.errors(include_url=False))
        ]
        raise SettingsError(f"{path} cannot be used:\n  - " + "\n  - ".join(sentences)) from error
    settings._folder = path.parent
    return settings


def _keys_twice(node: yaml.Node) -> Iterator[tuple[str, int]]:
    """YAML would silently let the last of two equal keys win."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield str(key.value), key.start_mark.line + 1
            seen.add(key.value)
            yield from _keys_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _keys_twice(value)


def _line(node: yaml.Node, place: Sequence[str | int], message: str) -> int:
    """The line of the innermost thing on the way to `place` that the file has."""
    named = re.search(r"syncs\.(\d+):", message)
    if named and not place:
        place = ("syncs", int(named[1]))
    # Pydantic's word for what is wrong with a key itself.
    place = [step for step in place if step != "[key]"]
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == step), None)
            if found is None:
                continue
            key, node = found
            if step == place[-1]:
                return int(key.start_mark.line) + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
    return int(node.start_mark.line) + 1


def _told_once(problems: Sequence[Any]) -> Iterator[Any]:
    """Pydantic's errors, without those that only follow from others."""
    is_secret = any(problem["loc"][:1] == ("ledger",) and isinstance(problem["input"], dict) for problem in problems)
    for problem in problems:
        place = problem["loc"]
        # The ledger may be two things: only what is wrong with the one that was meant.
        if place[:1] == ("ledger",) and len(place) > 1 and ("Secret" in place[1]) != is_secret:
            continue
        # An item that is wrong is none, so a list of it is empty too.
        if problem["type"] == "too_short" and any(
            len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in problems
        ):
            continue
        yield problem


def _where(place: Sequence[str | int]) -> str:
    words = [str(step) for step in place if step not in TYPES and not re.search(r"Secret|^str$|\[", str(step))]
    return ".".join(words) + ": " if words else ""


RIGHT = {
    "account_id": "the six letters and digits of the public API key are right",
    "ad_account": "the number of the ad account is right, such as act_1234567890",
    "operating_account": "the number of a Google Ads account is right, such as 123-456-7890",
    "login_account": "the number of a manager account is right, such as 123-456-7890",
    "revision": "a date is right, such as '2026-07-15'",
    "version": "a version is right, such as v26.0",
    "url": "an address is right, such as https://shop.example.com/audiences",
    "token_url": "an address is right, such as https://oauth2.googleapis.com/token",
    "schema": "small letters, digits and _ are right, a letter first",
    "[key]": "small letters, digits and _ are right, a letter first",
}
"""What a text must be like, by the key that it belongs to."""


def _sentence(problem: Any) -> str:  # noqa: ANN401  (pydantic's ErrorDetails)
    """Pydantic's words, with what would be right where they do not say it.

    Of what was written, only names are repeated: anything else might be a secret.
    """
    message = re.sub(r"^Value error, (syncs\.\d+: )?", "", problem["msg"])
    given = problem["input"]
    match problem["type"]:
        case "extra_forbidden":
            return f"nobody knows this key; {nearest(str(problem['loc'][-1]), _keys_at(problem['loc'][:-1]))}"
        case "missing":
            return "is missing"
        case "union_tag_not_found":
            return f"needs a type: {', '.join(TYPES)}"
        case "union_tag_invalid":
            return f"type must be one of {', '.join(TYPES)}"
        case "string_pattern_mismatch" if problem["loc"][-1] in RIGHT:
            return RIGHT[problem["loc"][-1]]
        case "string_type" if given is not None and not isinstance(given, dict | list):
            # A date, a number or true to YAML; 0123 would even be another number.
            return "a text is right; put it between quotes"
        case "string_type":
            return "a text is right"
        case "tuple_type" if isinstance(given, str) and re.fullmatch(r"\w+", given):
            return f"a list is right: [{given}]"
        case "tuple_type":
            return "a list is right"
        case "dict_type" | "model_type" | "model_attributes_type":
            return "a mapping is right, `key: value`"
        case "bool_type" | "bool_parsing":
            return "true or false is right"
        case "int_type" | "int_parsing" | "int_from_float":
            return "a whole number is right"
        case "float_type" | "float_parsing":
            return "a number is right"
        case "too_short":
            return "needs at least one"
        case "string_too_short":
            return "is empty"
    message = message.replace("Input should be", "must be")
    return message[0].lower() + message[1:]


def _keys_at(place: Sequence[str | int]) -> list[str]:
    """The keys that there are where an error was found."""
    kind: type[Strict] = Secret
    match place:
        case ():
            kind = Settings
        case ("syncs", _):
            kind = Sync
        case ("destinations", _, str(tag)):
            kind = KINDS[tag]
    return [field.alias or name for name, field in kind.model_fields.items()]
