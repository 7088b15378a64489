"""Named DICOM nodes in the user's configuration; secrets are never in it.

``nodes.toml``, one table per node::

    [hospital]
    host = "pacs.example.org"
    port = 104
    called_aet = "PACS"
    calling_aet = "IFSPACE"
    tls = true
    ca_file = "/etc/ssl/hospital.pem"

    [archive]
    url = "https://archive.example.org/dicom-web"
    username = "reader"

A node with a ``url`` speaks DICOMweb, one with a ``host`` the classic protocol (DIMSE).
Passwords and tokens come from the environment or the keyring
(:func:`ifspace.pacs.credentials.credential`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from ifspace.errors import NetworkError

APPLICATION = "ifspace"
NODES_FILE = "nodes.toml"
DEFAULT_AET = "IFSPACE"
# PS3.5 table 6.2-1: an application entity title has at most 16 characters.
AET_LIMIT = 16
# A port to be moved to; the registered DICOM port 11112 needs no privileges.
DEFAULT_MOVE_PORT = 11112
LOOPBACK = "127.0.0.1"
SECRET_KEYS = frozenset({"password", "token", "secret", "key_password"})


@dataclass(frozen=True)
class DimseNode:
    """A node that speaks the DICOM upper layer protocol.

    `move_host` and `move_port` are where a C-MOVE is received, if one is asked for.
    """

    name: str
    host: str
    port: int
    called_aet: str
    calling_aet: str = DEFAULT_AET
    tls: bool = False
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    timeout_s: float = 30.0
    move_host: str = LOOPBACK
    move_port: int = DEFAULT_MOVE_PORT

    def __post_init__(self) -> None:
        """Refuse titles and ports that DICOM does not allow."""
        for keyword in ("called_aet", "calling_aet"):
            title = getattr(self, keyword)
            if not (0 < len(title.strip()) <= AET_LIMIT and title.isascii()):
                message = f"{keyword} is {title!r}, expected 1 to {AET_LIMIT} plain characters"
                raise ValueError(message)
        for keyword in ("port", "move_port"):
            if not 0 < getattr(self, keyword) < 65536:
                message = f"{keyword} is {getattr(self, keyword)}, expected 1 to 65535"
                raise ValueError(message)

    @property
    def address(self) -> str:
        """Say where this is, for people and for the ledger."""
        return f"{self.called_aet}@{self.host}:{self.port}"


@dataclass(frozen=True)
class WebNode:
    """A server that speaks DICOMweb.

    `secrets_over_http` allows a password or a token on a connection that anybody between can read.
    """

    name: str
    url: str
    username: str | None = None
    ca_file: str | None = None
    timeout_s: float = 30.0
    secrets_over_http: bool = False

    def __post_init__(self) -> None:
        """Refuse addresses that are none, or that hold a password."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            message = f"url is {self.url!r}, expected http:// or https:// and a host"
            raise ValueError(message)
        if parts.password or parts.username:
            message = "url holds a user name; write it as `username`, the password elsewhere"
            raise ValueError(message)

    @property
    def address(self) -> str:
        """Say where this is, for people and for the ledger."""
        return self.url

    @property
    def may_have_secrets(self) -> bool:
        """Tell whether a password may be sent: encrypted, to this machine, or as allowed."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" or self.secrets_over_http or _is_loopback(parts.hostname)


Node = DimseNode | WebNode


def nodes_path() -> Path:
    """Tell where the nodes are configured."""
    return platformdirs.user_config_path(APPLICATION) / NODES_FILE


def read_nodes(path: Path | None = None) -> dict[str, Node]:
    """Read every configured node; none if there is no file.

    Raises
    ------
    NetworkError
        If the file cannot be read, or a node is not described as expected.
    """
    path = path or nodes_path()
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError) as error:
        message = f"{path} cannot be read as TOML ({error}); correct it"
        raise NetworkError(message) from error
    return {name: _node(name, table) for name, table in tables.items()}


def find_node(name: str, path: Path | None = None) -> Node:
    """Find a node by its name.

    Raises
    ------
    NetworkError
        If there is no such node; names those there are.
    """
    nodes = read_nodes(path)
    if name not in nodes:
        known = ", ".join(sorted(nodes)) or "none"
        message = f"node {name!r} is not configured in {path or nodes_path()}; known are: {known}"
        raise NetworkError(message)
    return nodes[name]


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _node(name: str, table: Any) -> Node:
    """Make a node of its table."""
    if not isinstance(table, Mapping):
        message = f"node {name!r}: expected a table [{name}]"
        raise NetworkError(message)
    secrets = SECRET_KEYS & set(table)
    if secrets:
        message = (
            f"node {name!r} holds {min(secrets)!r}; remove it and put it into the environment "
            "or the keyring"
        )
        raise NetworkError(message)
    kind: type[DimseNode | WebNode] = WebNode if "url" in table else DimseNode
    allowed = {item.name for item in fields(kind)} - {"name"}
    unknown = set(table) - allowed
    if unknown:
        message = f"node {name!r}: {min(unknown)!r} is not known; known are {sorted(allowed)}"
        raise NetworkError(message)
    try:
        return kind(name=name, **table)
    except (TypeError, ValueError, AttributeError) as error:
        message = f"node {name!r} is not complete: {error}"
        raise NetworkError(message) from error
