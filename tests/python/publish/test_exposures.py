"""What `regulars publish exposures` writes, dbt takes: an exposure a sync, which hangs on models that there are."""

import yaml
from conftest import ROOT

from regulars.docs.project import run_dbt
from regulars.publish.exposures import exposures_yaml
from regulars.publish.settings import load_settings

SYNCS = """\
destinations:
  folder: {type: files, folder: out}
  folder_all: {type: files, folder: all}
  ads: {type: meta, ad_account: act_1, access_token: {env: TOKEN}}
syncs:
  - {audience: slipping_away, destination: folder, purpose: email, object: all_people, properties: [rfm_tier]}
  - {audience: slipping_away, destination: folder_all, purpose: email, object: people}
  - {audience: slipping_away, destination: folder, purpose: sms, object: "Grüße: 'all' people!", identifiers: [phone]}
  - {audience: "interested_in_brands:Taiga", destination: ads, purpose: ads, value: member_value}
"""


def test_dbt_parses_them(tmp_path, monkeypatch):
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    # A model of each name of the project's, of one line: dbt takes twenty seconds to parse the project itself.
    (tmp_path / "models").mkdir()
    for path in (ROOT / "models").rglob("*.sql"):
        (tmp_path / "models" / path.name).write_text("select 1 as one", encoding="utf-8")
    said = {"name": "regulars", "version": "1.0", "profile": "regulars", "model-paths": ["models"]}
    (tmp_path / "dbt_project.yml").write_text(yaml.safe_dump(said), encoding="utf-8")
    (tmp_path / "profiles.yml").write_text((ROOT / "profiles.yml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "publish.yml").write_text(SYNCS, encoding="utf-8")
    written = exposures_yaml(load_settings(tmp_path / "publish.yml"))
    (tmp_path / "models" / "_publish__exposures.yml").write_text(written, encoding="utf-8")

    found = {each.name: each for each in run_dbt(tmp_path, "parse").exposures.values()}

    assert list(found) == [
        "publish_folder_all_people", "publish_folder_all_people_2", "publish_folder_Grüße_all_people_",
        "publish_ads_interested_in_brands__Taiga",
    ]  # fmt: skip
    common = {f"model.regulars.{name}" for name in ("audience_members", "customer_segments", "int_customer_contacts")}
    assert [set(each.depends_on.nodes) - common for each in found.values()] == [
        *[{"model.regulars.aud_slipping_away"}] * 3,
        {"model.regulars.aud_interested_in_brands"},
    ]
    assert all(common <= set(each.depends_on.nodes) for each in found.values())
    assert found["publish_folder_all_people"].description.endswith(
        "Sent: email of int_customer_contacts, rfm_tier of customer_segments."
    )
    assert found["publish_ads_interested_in_brands__Taiga"].description.endswith(
        "Sent: email of int_customer_contacts, member_value of audience_members."
    )
