"""Passwords and tokens: from the environment or the keyring, never from a file or an argument."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

KEYRING_SERVICE = "ifspace"


@dataclass(frozen=True)
class Credential:
    """What a server asks for; never printed by accident."""

    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def variable_name(kind: str, node_name: str) -> str:
    """Name the environment variable of a node, such as ``IFSPACE_PASSWORD_ARCHIVE``."""
    return f"IFSPACE_{kind}_{re.sub(r'[^A-Za-z0-9]', '_', node_name).upper()}"


def credential(node_name: str, username: str | None = None) -> Credential:
    """Look a node's secret up: environment first, then the keyring.

    Parameters
    ----------
    node_name
        The name of the node in the configuration.
    username
        Under which the keyring keeps the password; without one, the keyring is not asked.
    """
    token = os.environ.get(variable_name("TOKEN", node_name))
    password = os.environ.get(variable_name("PASSWORD", node_name))
    if password is None and token is None and username is not None:
        password = _from_keyring(node_name, username)
    return Credential(password=password, token=token)


def _from_keyring(node_name: str, username: str) -> str | None:
    """Ask the keyring; a machine without one has no password there."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        return keyring.get_password(f"{KEYRING_SERVICE}:{node_name}", username)
    except KeyringError:
        return None
