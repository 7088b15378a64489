"""Send the written DICOM objects to a node that the user has named; never unasked."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from ifspace.errors import IfspaceError
from napari_ifspace.panel_host import PanelHost

if TYPE_CHECKING:
    from ifspace.pacs import Node

NETWORK_LIBRARIES = ("pynetdicom", "dicomweb_client")


def configured_nodes() -> dict[str, Node]:
    """Give the nodes of the user's configuration; none where the network part is not installed.

    Raises
    ------
    IfspaceError
        If the configuration cannot be read.
    """
    if any(importlib.util.find_spec(name) is None for name in NETWORK_LIBRARIES):
        return {}
    from ifspace.pacs import read_nodes

    return dict(read_nodes())


class SendRow(QWidget):
    """A choice of nodes and a button; hidden while there is no node or nothing to send."""

    def __init__(self, host: PanelHost) -> None:
        """Build the row, hidden."""
        super().__init__()
        self.host = host
        self.files: tuple[Path, ...] = ()
        self._nodes: dict[str, Node] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.choice = QComboBox()
        self.choice.setObjectName("ifspace_node")
        self.button = QPushButton("Send")
        self.button.setObjectName("ifspace_send")
        self.button.setToolTip("Send the DICOM objects to this node")
        self.button.clicked.connect(self.send)
        row.addWidget(QLabel("Send to"))
        row.addWidget(self.choice, 1)
        row.addWidget(self.button)
        self.hide()

    def offer(self, files: Iterable[Path]) -> None:
        """Offer to send what of these files is DICOM, to the nodes that are configured now."""
        self.files = tuple(path for path in files if path.suffix == ".dcm")
        try:
            self._nodes = configured_nodes()
        except IfspaceError as error:
            self._nodes = {}
            self.host.say(str(error), warning=True)
        self.choice.clear()
        self.choice.addItems(list(self._nodes))
        self.setVisible(bool(self.files) and bool(self._nodes))

    def send(self) -> None:
        """Ask once more, then send without freezing the window; a repeat sends what is missing."""
        node, files = self._nodes.get(self.choice.currentText()), self.files
        if node is None or not files:
            return
        question = f"Send {len(files)} DICOM object(s) of this patient to {node.name}?"
        if self.host.ask(self, "Send to a node", question, ("Send", "Cancel")) != "Send":
            return
        from ifspace.pacs import send

        self.button.setEnabled(False)
        self.host.say(f"Sending to {node.name} …")
        self.host.run(lambda: send(node, files), self._sent, self._ended)

    def _ended(self) -> None:
        self.button.setEnabled(True)

    def _sent(self, outcomes: Any) -> None:
        failed = [item for item in outcomes if item.status.value == "failed"]
        arrived = len(outcomes) - len(failed)
        if failed:
            self.host.say(
                f"{arrived} of {len(outcomes)} object(s) arrived; {failed[0].detail}. Send again"
                " to send the rest.",
                warning=True,
            )
        else:
            self.host.say(f"{arrived} object(s) are there.")
