"""Files that Meta and Google Ads take by upload: hashed as they ask for it, and nobody in them who cannot be."""

import csv
import hashlib

import pytest

from regulars.publish.errors import SettingsError
from regulars.publish.run import make_plans, run_syncs
from regulars.publish.settings import load_settings
from regulars.publish.status import read_status

from .shop import Person, Shop

SETTINGS = """
destinations:
  folder: {{type: files, folder: out, layout: {layout}_customer_match{more}}}
syncs:
  - {{audience: loyal, destination: folder, purpose: {purpose}, identifiers: [email], object: upload{sync}}}
"""


def settings_of(shop: Shop, layout: str, *, more: str = "", purpose: str = "ads", sync: str = ""):
    path = shop.folder / "publish.yml"
    path.write_text(SETTINGS.format(layout=layout, more=more, purpose=purpose, sync=sync))
    return load_settings(path)


def build(shop: Shop, *people: Person) -> None:
    import duckdb

    shop.build(*people)
    with duckdb.connect(shop.warehouse) as connection:
        connection.execute(
            "update marts.customer_segments"
            " set has_ads_user_data_consent = true, has_ads_personalization_consent = true"
        )


@pytest.mark.parametrize(("layout", "header"), [("meta", "email"), ("google", "Email")])
def test_an_upload_is_hashed_and_leaves_out_who_has_no_address(tmp_path, layout, header):
    shop = Shop(tmp_path)
    settings = settings_of(shop, layout)
    build(shop, Person("c1", email=" Mary@Example.com"), Person("c2", email="no address"))
    [result] = run_syncs(settings, shop.warehouse, list(settings.syncs))
    assert (result.planned, result.acknowledged, result.codes) == (2, 1, {"no_identifier": 1})
    rows = list(csv.reader((tmp_path / "out" / "upload.csv").open()))
    assert rows == [[header], [hashlib.sha256(b"mary@example.com").hexdigest()]]
    [plan] = make_plans(settings, shop.warehouse, list(settings.syncs))
    assert (plan.writes, plan.wait, plan.there) == (0, 1, 1)
    assert read_status(settings)[0][0].codes == {"no_identifier": 1}
    [again] = run_syncs(settings, shop.warehouse, list(settings.syncs))
    assert (again.planned, again.requests, again.waiting, again.is_done) == (0, 0, 1, False)


def test_values_go_to_meta(tmp_path):
    shop = Shop(tmp_path)
    settings = settings_of(shop, "meta", sync=", value: net_revenue_amount")
    build(shop, Person("c1", email="a@b.dk"))
    run_syncs(settings, shop.warehouse, list(settings.syncs))
    assert next(csv.reader((tmp_path / "out" / "upload.csv").open())) == ["email", "value"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"purpose": "email"}, "the purpose must be ads"),
        ({"more": ", format: parquet"}, "the format must be csv"),
        ({"sync": ", properties: [rfm_tier]"}, "takes no properties"),
        ({"sync": ", value: member_value"}, "column of customer_segments"),
    ],
)
def test_what_no_platform_takes_is_refused(tmp_path, words, said):
    with pytest.raises(SettingsError, match=said):
        settings_of(Shop(tmp_path), "meta", **words)


def test_google_takes_no_value(tmp_path):
    with pytest.raises(SettingsError, match="only meta takes a value"):
        settings_of(Shop(tmp_path), "google", sync=", value: net_revenue_amount")


@pytest.mark.parametrize("name", ["../../elsewhere", "/etc/passwd", ".hidden", "a/b"])
def test_no_file_outside_the_folder(tmp_path, name):
    path = tmp_path / "publish.yml"
    path.write_text(
        "destinations: {folder: {type: files, folder: out}}\n"
        f"syncs: [{{audience: loyal, destination: folder, purpose: email, object: {name}}}]\n"
    )
    with pytest.raises(SettingsError, match="without slashes"):
        load_settings(path)
