"""Files: for nobody else to read, in one format at a time, and an error is a sentence."""

import stat

import pytest

from regulars.publish.run import ask_to_erase, run_syncs
from regulars.publish.settings import load_settings

from . import test_uploads
from .shop import Person, Shop

HER, HIM = Person("c1", email="ann@example.com"), Person("c2", email="ben@example.com")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", "x")
    found = Shop(tmp_path)
    found.build(HER, HIM)
    return found


def settings_of(shop, **changes):
    """The settings with another format, layout or folder."""
    said = shop.settings()
    path = shop.folder / "publish.yml"
    text = path.read_text()
    more = "".join(f"\n    {name}: {value}" for name, value in changes.items() if name != "folder")
    path.write_text(text.replace("folder: out", f"folder: {changes.get('folder', 'out')}{more}"))
    return load_settings(path) if changes else said


def sent(shop, **changes):
    settings = settings_of(shop, **changes)
    [result] = run_syncs(settings, shop.warehouse, [settings.syncs[1]])
    return result


def names(shop):
    return sorted(path.name for path in (shop.folder / "out").iterdir())


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_may_read_a_file(shop):
    assert sent(shop, folder="new/out").is_done
    folder = shop.folder / "new" / "out"
    assert mode(folder) == 0o700
    assert {path.name: mode(path) for path in folder.iterdir()} == {
        "loyal.csv": 0o600, "loyal.csv.manifest.json": 0o600
    }  # fmt: skip


def test_a_folder_that_was_there_stays_as_it_is_and_a_file_becomes_private(shop):
    folder = shop.folder / "out"
    folder.mkdir(mode=0o755)
    (folder / "loyal.csv").touch(0o644)
    assert sent(shop).is_done
    assert (mode(folder), mode(folder / "loyal.csv")) == (0o755, 0o600)


@pytest.mark.parametrize(("before", "after"), [("csv", "parquet"), ("parquet", "csv")])
def test_the_file_of_another_format_goes(shop, before, after):
    sent(shop, format=before)
    (shop.folder / "out" / f"other.{before}").write_text("somebody else's")
    assert sent(shop, format=after).is_done
    assert names(shop) == sorted([f"loyal.{after}", f"loyal.{after}.manifest.json", f"other.{before}"])


def test_a_file_of_that_name_that_is_not_ours_stays(shop):
    (shop.folder / "out").mkdir()
    (shop.folder / "out" / "loyal.parquet").write_text("somebody else's")
    sent(shop)
    assert "loyal.parquet" in names(shop)


@pytest.mark.parametrize("changes", [{"format": "parquet"}, {}])
def test_an_erasure_is_of_every_format(shop, changes):
    sent(shop)
    settings = settings_of(shop, **changes)
    [erased], _ = ask_to_erase(settings, shop.warehouse, request_id="r", customer_ids=("c1",))
    assert erased.status == "done"
    assert not [path for path in (shop.folder / "out").iterdir() if b"ann@example.com" in path.read_bytes()]
    assert sent(shop, **changes).message == ""
    assert not [path for path in (shop.folder / "out").iterdir() if b"ann@example.com" in path.read_bytes()]


def test_an_erasure_from_a_file_of_hashes_whose_layout_was_changed_is_done(shop):
    test_uploads.build(shop, HER, HIM)
    settings = test_uploads.settings_of(shop, "meta")
    assert run_syncs(settings, shop.warehouse, list(settings.syncs))[0].is_done
    path = shop.folder / "publish.yml"
    path.write_text(path.read_text().replace("layout: meta_customer_match", "layout: plain"))
    [erased], _ = ask_to_erase(load_settings(path), shop.warehouse, request_id="r", customer_ids=("c1",))
    assert (erased.status, names(shop)) == ("done", [])


@pytest.mark.parametrize("folder", ["there", "there/out", "there/out/deeper"])
def test_a_folder_that_is_a_file_is_a_sentence(shop, folder):
    (shop.folder / "there").write_text("a file")
    result = sent(shop, folder=folder)
    assert "is no folder, or lies in a file; check `folder`" in result.message
    assert (result.acknowledged, result.pending) == (0, 2)
