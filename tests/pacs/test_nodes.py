import logging
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from ifspace.errors import NetworkError
from ifspace.pacs import DimseNode, WebNode, find_node, read_nodes
from ifspace.pacs.credentials import credential

NODES = """
[hospital]
host = "pacs.example.org"
port = 104
called_aet = "PACS"
tls = true

[archive]
url = "https://archive.example.org/dicom-web"
username = "reader"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "nodes.toml"
    path.write_text(NODES)
    return path


def test_nodes_are_read_by_name(config) -> None:
    nodes = read_nodes(config)
    assert nodes["hospital"] == DimseNode("hospital", "pacs.example.org", 104, "PACS", tls=True)
    assert nodes["archive"] == WebNode(
        "archive", "https://archive.example.org/dicom-web", username="reader"
    )


def test_without_a_file_there_are_no_nodes(tmp_path) -> None:
    assert read_nodes(tmp_path / "nodes.toml") == {}


def test_the_file_lies_in_the_users_configuration(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: tmp_path / name)
    (tmp_path / "ifspace").mkdir()
    (tmp_path / "ifspace" / "nodes.toml").write_text(NODES)
    assert find_node("archive").name == "archive"


def test_an_unknown_node_is_answered_with_those_there_are(config) -> None:
    with pytest.raises(NetworkError, match="archive, hospital"):
        find_node("elsewhere", config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a]\nhost='h'\nport=104\ncalled_aet='A'\npassword='x'", "keyring"),
        ("[a]\nurl='https://u:p@h/x'", "user name"),
        ("[a]\nurl='ftp://h/x'", "http"),
        ("[a]\nhost='h'\nport=104", "called_aet"),
        ("[a]\nhost='h'\nport=99999\ncalled_aet='A'", "port"),
        ("[a]\nhost='h'\nport='many'\ncalled_aet='A'", "not complete"),
        ("[a]\nhost='h'\nport=104\ncalled_aet='MORE_THAN_16_CHARACTERS'", "called_aet"),
        ("[a]\nhots='h'", "'hots' is not known"),
        ("a = 1", "expected a table"),
        ("[a", "TOML"),
    ],
)
def test_a_wrong_file_is_explained(text, said, tmp_path) -> None:
    path = tmp_path / "nodes.toml"
    path.write_text(text)
    with pytest.raises(NetworkError, match=said):
        read_nodes(path)


def test_a_secret_comes_from_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("IFSPACE_PASSWORD_MY_ARCHIVE", "hush")
    found = credential("my archive", "reader")
    assert found.password == "hush"
    assert "hush" not in repr(found)


def test_a_secret_comes_from_the_keyring(monkeypatch) -> None:
    class Memory(KeyringBackend):
        priority = 1  # type: ignore[assignment]

        def get_password(self, service: str, username: str) -> str | None:
            return {("ifspace:archive", "reader"): "quiet"}.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            raise NotImplementedError

        def delete_password(self, service: str, username: str) -> None:
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    try:
        assert credential("archive", "reader").password == "quiet"
        assert credential("archive").password is None
    finally:
        keyring.set_keyring(before)


def test_a_secret_is_in_no_log_and_no_error(monkeypatch, caplog, config) -> None:
    from ifspace.pacs import echo

    monkeypatch.setenv("IFSPACE_PASSWORD_ARCHIVE", "hush")
    node = WebNode("archive", "http://127.0.0.1:9/dicom-web", username="reader")
    with caplog.at_level(logging.DEBUG), pytest.raises(NetworkError) as raised:
        echo(node)
    assert "hush" not in caplog.text + str(raised.value)
    assert "cannot be reached" in str(raised.value)
