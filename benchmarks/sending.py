"""Sending 24 slices against its peer, dcmtk's storescu, to an Orthanc of their own on loopback.

The promise is less than twice the time of storescu. Prints medians and their ratio.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pydicom

from ifspace.pacs import Ledger, send
from ifspace.phantom import PhantomSpec, Size, write_phantom

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.interop.conftest import Orthanc

SLICES, SIDE, ROUNDS = 24, 256, 7


def slices(folder: Path) -> list[Path]:
    """Make 24 images of 256 x 256 out of the phantom's."""
    truth = write_phantom(folder / "phantom", PhantomSpec(size=Size.TINY))
    source = pydicom.dcmread(next(truth.image_path.rglob("*.dcm")))
    paths = []
    for number in range(SLICES):
        source.SOPInstanceUID = pydicom.uid.generate_uid()
        source.file_meta.MediaStorageSOPInstanceUID = source.SOPInstanceUID
        source.InstanceNumber, source.Rows, source.Columns = number + 1, SIDE, SIDE
        source.PixelData = bytes([number]) * (SIDE * SIDE * 2)
        paths.append(folder / f"{number}.dcm")
        source.save_as(paths[-1], enforce_file_format=True)
    return paths


def main() -> None:
    server = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    storescu = "/usr/bin/storescu"
    if not (Path(server).exists() and Path(storescu).exists()):
        print("Orthanc or storescu is not installed: make test-interop installs both")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = slices(folder)
        (folder / "server").mkdir()
        orthanc = Orthanc(server, folder / "server")
        orthanc.start()
        try:
            ours_s, peer_s = compare(orthanc, storescu, files, folder)
        finally:
            orthanc.stop()
    ratio = ours_s / peer_s
    print(f"send 24 slices: ours {ours_s:.3f} s, storescu {peer_s:.3f} s, ratio {ratio:.2f}")


def compare(
    orthanc: Orthanc, storescu: str, files: list[Path], folder: Path
) -> tuple[float, float]:
    command = [storescu, "-aec", "ORTHANC", "-aet", "STORESCU", "127.0.0.1"]
    command += [str(orthanc.dicom_port), *map(str, files)]
    ours_s, peer_s = [], []
    for number in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run(command, check=True, env={"TCP_NODELAY": "1"})
        peer_s.append(time.perf_counter() - start)
        start = time.perf_counter()
        outcomes = send(orthanc.dimse(), files, ledger=Ledger(folder / f"{number}.jsonl"))
        ours_s.append(time.perf_counter() - start)
        if {outcome.status.value for outcome in outcomes} != {"sent"}:
            sys.exit("not everything was sent")
    return statistics.median(ours_s), statistics.median(peer_s)


if __name__ == "__main__":
    main()
