"""Settings are read strictly."""

import os
import stat
from pathlib import Path

import pytest

from config import env, processes


def test_a_secret_may_come_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("s3cret\n")
    monkeypatch.setenv("THING_FILE", str(tmp_path / "key"))
    assert env.secret("THING") == "s3cret"
    monkeypatch.setenv("THING_FILE", str(tmp_path / "absent"))
    with pytest.raises(env.SettingError, match="THING_FILE"):
        env.secret("THING")


def test_malformed_values_name_the_setting(monkeypatch):
    monkeypatch.setenv("SOME_NUMBER", "ten")
    with pytest.raises(env.SettingError, match="SOME_NUMBER"):
        env.integer("SOME_NUMBER", 1)
    monkeypatch.setenv("SOME_FLAG", "perhaps")
    with pytest.raises(env.SettingError, match="SOME_FLAG"):
        env.flag("SOME_FLAG", default=False)


def test_a_database_address_may_name_a_socket_folder():
    found = env.database("postgresql://a:p%40ss@/name?host=%2Frun%2Fpg")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["NAME"]) == (
        "a", "p@ss", "/run/pg", "name",
    )  # fmt: skip
    with pytest.raises(env.SettingError, match="PostgreSQL"):
        env.database("sqlite:///x.db")


def test_secrets_are_written_once_and_for_the_owner_only(tmp_path):
    path = tmp_path / "secrets" / "key"
    assert processes.write_secret(path, "one") == "one"
    assert processes.write_secret(path, "two") == "one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_symlink_in_place_of_our_folder_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    account = processes.Account(os.geteuid(), os.getegid())
    with pytest.raises(processes.EmbeddedError, match="not a folder of our own"):
        processes.own_folder(tmp_path / "link", account)


def test_reachability_follows_the_folders_on_the_way(tmp_path):
    stranger = processes.Account(65_533, 65_533)
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert not processes.is_reachable(inner, stranger)
    assert processes.is_reachable(Path("/"), stranger)
