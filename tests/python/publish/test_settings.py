"""`publish.yml`: what is wrong is named with its line and what would be right."""

from pathlib import Path

import pytest

from regulars.publish.errors import PublishRefusedError, SecretError, SettingsError
from regulars.publish.ledger import opened
from regulars.publish.settings import Files, Meta, Secret, load_settings, nearest

GOOD = """\
destinations:
  hook:
    type: webhook
    url: https://shop.example.com/audiences
    signing_secret: {env: HOOK_SECRET}
  folder:
    type: files
    folder: out
syncs:
  - audience: lost_vips
    destination: hook
    purpose: email
    properties: [rfm_tier]
"""

WRONG = {
    "a literal secret": ("{env: HOOK_SECRET}", "s3cret", "line 5: ", "never stands in this file"),
    "a secret in two places": ("{env: HOOK_SECRET}", "{env: A, file: b}", "line 5: ", "in one place"),
    "a destination that is not there": ("tion: hook", "tion: hok", "line 10: ", "did you mean hook? there are: hook,"),
    "an unknown key": ("purpose: email", "purpose: email\n    colour: red", "line 13: ", "key; there are: aud"),
    "a key in capitals": ("    purpose", "    Arms: all\n    purpose", "line 12: ", "did you mean arms?"),
    "an unknown key of a destination": ("folder: out", "folder: out\n    layuot: plain", "line 9: ", "mean layout?"),
    "an unknown key of a secret": ("{env:", "{envv:", "line 5: ", "did you mean env?"),
    "an unknown key of the file": ("syncs:", "ledgr: a\nsyncs:", "line 9: ", "did you mean ledger?"),
    "an unknown key of the ledger": ("syncs:", "ledger: {envv: A}\nsyncs:", "line 9: ledger.envv: ", "mean env?"),
    "an unknown type": ("type: files", "type: ftp", "line 6: ", "type must be one of files, webhook"),
    "no type": ("    type: files\n", "", "line 6: ", "needs a type"),
    "an unknown purpose": ("purpose: email", "purpose: post", "line 12: ", "'email', 'sms', 'ads' or 'tracking'"),
    "no purpose": ("    purpose: email\n", "", "line 10: ", "is missing"),
    "http to elsewhere": ("https://shop", "http://shop", "line 4: ", "goes over https"),
    "a password in the address": ("https://shop", "https://me:pw@shop", "line 4: ", "would be read in logs"),
    "a key twice": ("purpose: email", "purpose: email\n    purpose: sms", "line 13: ", "purpose stands twice"),
    "no YAML": ("syncs:", "syncs: [", "line ", "this is no YAML"),
    "a property twice": ("[rfm_tier]", "[rfm_tier, rfm_tier]", "line 13: ", "rfm_tier stands twice"),
    "an identifier twice": ("properties: [rfm_tier]", "identifiers: [email, email]", "line 13: ", "email stands twice"),
    "the customer as a property": ("[rfm_tier]", "[customer_id]", "line 13: ", "customer_id is always sent"),
    "an identifier as a property": ("[rfm_tier]", "[email]", "line 13: ", "put it under identifiers"),
    "the country twice": ("[rfm_tier]", "[country]\n    identifiers: [country]", "line 10: ", "leave one out"),
    "a property that is no list": ("[rfm_tier]", "persona", "line 13: ", "a list is right: [persona]"),
    "syncs that are no list": ("  - audience", "    audience", "line 9: ", "syncs: a list is right"),
    "a number as a name": ("destination: hook", "destination: hook\n    object: 17", "line 12: ", "between quotes"),
    "an address without its scheme": ("https://shop", "shop", "line 4: ", "an address is right, such as"),
    "a name in capitals": ("  folder:\n", "  Folder:\n", "line 6: ", "small letters, digits and _ are right"),
    "a destination that is no mapping": ("    type: files\n    folder: out", "    out", "line 6: ", "a mapping"),
    "neither true nor false": ("purpose: email", "purpose: email\n    allow_empty: x", "line 13: ", "true or false"),
    "no share": ("purpose: email", "purpose: email\n    max_removal_share: 30", "line 13: ", "must be less than or"),
    "a ledger in the open": ("syncs:", "ledger: postgres://a:pw@b/c\nsyncs:", "line 9: ", "never stands in this file"),
    "tabs": ("    type: files", "\ttype: files", "line 7: ", "spaces, not tabs"),
    "an upload by e-mail": ("    folder: out", "    folder: out\n    layout: meta_customer_match", "line 11: ",
        "`layout: meta_customer_match` is advertising, and takes only people who agreed to that; the purpose must be"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named_with_its_line(tmp_path, what):
    before, after, line, words = WRONG[what]
    assert before in GOOD
    path = tmp_path / "publish.yml"
    said = GOOD.replace("destination: hook", "destination: folder") if "upload" in what else GOOD
    path.write_text(said.replace(before, after), encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        load_settings(path)
    assert line in str(raised.value)
    assert words in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "pw@" not in str(raised.value)
    # One mistake is told once.
    assert str(raised.value).count("line ") == 1


def test_two_syncs_of_one_object_are_refused(tmp_path):
    path = tmp_path / "publish.yml"
    path.write_text(GOOD + GOOD[GOOD.index("  - audience") :], encoding="utf-8")
    with pytest.raises(SettingsError, match="line 14: syncs 1 and 2 both write lost_vips of hook"):
        load_settings(path)


TWO_FOLDERS = """\
destinations:
  one: {{type: files, folder: bout}}
  two: {{type: files, folder: {folder}, format: parquet}}
syncs:
  - {{audience: lost_vips, destination: one, purpose: email, object: A}}
  - {{audience: lost_vips, destination: two, purpose: email, object: {name}}}
"""


@pytest.mark.parametrize(
    ("folder", "name"), [("{}/bout", "A"), ("./x/../bout/", "A"), ("link", "A"), ("bout", "a"), ("{}/bout", "a")]
)
def test_two_syncs_of_one_file_in_other_words_are_refused(tmp_path, folder, name):
    path = tmp_path / "publish.yml"
    (tmp_path / "bout").mkdir()
    (tmp_path / "link").symlink_to("bout")
    path.write_text(TWO_FOLDERS.format(folder=folder.format(tmp_path), name=name), encoding="utf-8")
    with pytest.raises(SettingsError, match=f"line 6: syncs 1 and 2 both write {name} of two, the same file"):
        load_settings(path)
    path.write_text(TWO_FOLDERS.format(folder="another", name=name), encoding="utf-8")
    load_settings(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("- 1", "a mapping is right"),
        ("hello", "a mapping is right"),
        ("destinations: {}\nsyncs: []", "destinations: needs at least one\n  - line 2: syncs: needs at least one"),
        (None, "does not exist"),
    ],
)
def test_no_settings(tmp_path, text, words):
    path = tmp_path / "publish.yml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load_settings(path)


def test_a_good_file(tmp_path):
    path = tmp_path / "publish.yml"
    path.write_text(GOOD, encoding="utf-8")
    settings = load_settings(path)
    assert [sync.object_name for sync in settings.syncs] == ["lost_vips"]
    assert settings.folder == tmp_path


def test_a_secret_comes_from_a_variable_or_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", "word\n")
    (tmp_path / "secret").write_text("other word\n", encoding="utf-8")
    assert Secret(env="HOOK_SECRET").read() == "word"
    assert Secret(file=tmp_path / "secret").read() == "other word"
    for secret, words in [
        (Secret(env="NOT_SET"), "NOT_SET is empty or not set"),
        (Secret(file=tmp_path / "no"), "cannot be read"),
    ]:
        with pytest.raises(SecretError, match=words):
            secret.read()


SECRETS = """\
destinations:
  hook: {type: webhook, url: "https://shop.example.com", signing_secret: {env: ODD}}
  klaviyo: {type: klaviyo, account_id: AbCdEf, api_key: {env: ODD}}
  meta: {type: meta, ad_account: '1', access_token: {env: ODD}, app_secret: {env: ODD}}
  google: {type: google, operating_account: '1234567890', credentials: {env: ODD}}
  base: {type: postgres, url: {env: ODD}, database: test}
syncs:
  - {audience: loyal, destination: hook, purpose: email}
key_secret: {env: ODD}
"""
ALL = {"signing_secret", "api_key", "access_token", "app_secret", "credentials", "url", "key_secret"}


@pytest.mark.parametrize(
    ("secret", "refused"),
    [
        ("fake\nx", ALL - {"credentials"}),
        ("fake\x01x", ALL),
        ("fake\x7fx", ALL),
        ("pass✓word", {"api_key", "access_token"}),
        ("half\udc80", ALL),
    ],
)
def test_a_secret_with_a_letter_that_cannot_be_is_refused_where_it_is_read(tmp_path, monkeypatch, secret, refused):
    path = tmp_path / "publish.yml"
    path.write_text(SECRETS, encoding="utf-8")
    said = load_settings(path)
    monkeypatch.setenv("ODD", secret)
    for place in (*said.destinations.values(), said):
        for name in ALL & set(type(place).model_fields):
            found = getattr(place, name)
            if not isinstance(found, Secret):
                continue
            if name not in refused:
                assert found.read() == secret
                continue
            with pytest.raises(SecretError, match=rf"variable ODD .* needs it as its {name}$") as raised:
                found.read()
            assert secret[:4] not in str(raised.value)


def test_a_secret_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "secret").write_bytes(b"fake\xff")
    with pytest.raises(SecretError, match="secret is no text in UTF-8"):
        Secret(file=tmp_path / "secret").read()


def test_a_secret_counts_from_the_folder_of_its_settings_and_says_who_needs_it(tmp_path, monkeypatch):
    (tmp_path / "shop").mkdir()
    path = tmp_path / "shop" / "publish.yml"
    secret = tmp_path / "shop" / "hs"
    path.write_text(GOOD.replace("{env: HOOK_SECRET}", "{file: hs}"), encoding="utf-8")
    secret.write_text("word", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_settings(path).destinations["hook"].signing_secret.read() == "word"
    secret.unlink()
    with pytest.raises(
        SecretError, match=r"shop/hs cannot be read: .*; the destination hook needs it as its signing_s"
    ):
        load_settings(path).destinations["hook"].signing_secret.read()
    path.write_text(GOOD + "ledger: {env: NOT_SET}\nkey_secret: {file: /no/where}\n", encoding="utf-8")
    for name, words in [
        ("ledger", "NOT_SET is empty or not set; publish.yml needs it as its ledger"),
        ("key_secret", "the file /no/where cannot be read: .*; publish.yml needs it as its key_secret"),
    ]:
        with pytest.raises(SecretError, match=words):
            getattr(load_settings(path), name).read()


def test_the_nearest_name_is_said_and_ten_of_those_there_are():
    names = [f"column_{number}" for number in range(47)]
    assert nearest("persna", ["persona", "rfm_tier"]) == "did you mean persona? there are: persona, rfm_tier"
    assert nearest("PERSONA", ["persona", "rfm_tier"]) == "did you mean persona? there are: persona, rfm_tier"
    assert nearest("nothing_like_it", names) == f"there are: {', '.join(names[:10])} and 37 more"
    assert nearest("brands", ["brands:Taiga", "brands:Nord", "other"]) == "name an item: brands:Taiga, brands:Nord"


def test_a_warehouse_that_is_not_there_is_named_with_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(PublishRefusedError, match=rf"{tmp_path}/regulars\.duckdb does not exist; .* --database"),
        opened(tmp_path / "ledger.duckdb", warehouse=Path("regulars.duckdb")),
    ):
        pass


def test_what_changes_the_bytes_of_a_person_is_named():
    folder = Files(type="files", folder="out")
    assert folder.payload_settings == {"format": "csv", "layout": "plain"}
    meta = Meta(type="meta", ad_account="1", access_token={"env": "TOKEN"})
    assert meta.payload_settings == {"limited_data_use": False}
    assert meta.model_copy(update={"limited_data_use": True, "timeout_seconds": 5}).payload_settings == {
        "limited_data_use": True
    }
