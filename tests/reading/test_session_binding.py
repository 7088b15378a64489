"""Marks are taken from a file only where they can be of the images on the screen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import PLAIN, make_volume
from tests.reading.test_slips import At, place

from ifspace.errors import SessionError
from ifspace.model import Session, Volume
from ifspace.reading.controller import ReadingController
from ifspace.reading.journal import unfinished
from ifspace.reading.session_binding import bind


@pytest.fixture
def signed(controller: ReadingController, spot: At) -> Session:
    place(controller, spot, 80, 50)
    controller.confirm(everything=True)
    assert controller.notes.sign()
    return controller.session


@pytest.fixture
def nameless(volume: Volume) -> Volume:
    """The same images from a file that has no UIDs."""
    return _renamed(volume, None)


def _renamed(volume: Volume, uid: str | None) -> Volume:
    series = replace(
        volume.series,
        study_instance_uid=uid,
        series_instance_uid=uid,
        frame_of_reference_uid=uid,
    )
    slices = tuple(
        replace(item, source=replace(item.source, sop_instance_uid=None)) for item in volume.slices
    )
    return replace(volume, series=series, slices=volume.slices if uid else slices)


def _without_uids(session: Session) -> Session:
    marks = tuple(replace(mark, sop_instance_uid=None) for mark in session.marks)
    return replace(
        session,
        study_instance_uid=None,
        series_instance_uid=None,
        frame_of_reference_uid=None,
        image=None,
        marks=marks,
    )


def test_a_session_of_the_same_series_keeps_its_signature(signed: Session, volume: Volume) -> None:
    bound = bind(signed, volume)
    assert bound.identified
    assert bound.session.signature == signed.signature is not None


def test_a_session_without_uids_loses_its_signature(signed: Session, nameless: Volume) -> None:
    bound = bind(_without_uids(signed), nameless)
    assert not bound.identified
    assert "was left out" in bound.unsigned
    assert bound.session.signature is None
    assert len(bound.session.marks) == 2


def test_a_dicom_session_is_refused_on_images_without_uids(
    signed: Session, nameless: Volume
) -> None:
    with pytest.raises(SessionError, match="made on a DICOM series"):
        bind(replace(signed, image=None), nameless)


def test_a_session_is_bound_to_images_without_uids_by_their_fingerprint(
    signed: Session, nameless: Volume
) -> None:
    loose = replace(_without_uids(signed), image=nameless.fingerprint)
    bound = bind(loose, nameless)
    assert (bound.identified, bound.doubt) == (True, "")
    voxels = nameless.voxels.copy()
    voxels[2, 3, 4] += 1.0
    with pytest.raises(SessionError, match="same size and place, but other pixels"):
        bind(loose, replace(nameless, voxels=voxels))


def test_a_session_of_the_same_uids_is_refused_on_other_pixels(
    signed: Session, volume: Volume
) -> None:
    voxels = volume.voxels.copy()
    voxels[2, 3, 4] += 1.0
    with pytest.raises(SessionError, match="other pixels"):
        bind(signed, replace(volume, voxels=voxels))


def test_an_unfinished_reading_of_nameless_images_is_found_by_their_pixels_not_their_path(
    nameless: Volume, tmp_path: Path
) -> None:
    controller = ReadingController(nameless, journal_folder=tmp_path)
    controller.notes.set_reader("A")
    controller.journal.release()
    moved = replace(
        nameless.series,
        sources=tuple(replace(item, path=Path("elsewhere")) for item in nameless.series.sources),
    )
    assert unfinished(replace(nameless, series=moved), tmp_path) is not None
    voxels = nameless.voxels.copy()
    voxels[0, 0, 0] += 1.0
    assert unfinished(replace(nameless, voxels=voxels), tmp_path) is None


def test_a_session_of_another_series_is_refused(signed: Session, volume: Volume) -> None:
    with pytest.raises(SessionError, match="made on another study"):
        bind(signed, _renamed(volume, "1.2.3"))


def test_a_session_whose_marks_lie_outside_the_image_is_refused(signed: Session) -> None:
    elsewhere = make_volume(replace(PLAIN, origin_lps_mm=(-400.0, -70.0, -700.0)))
    with pytest.raises(SessionError, match="made on other images"):
        bind(_without_uids(signed), _renamed(elsewhere, None))


def test_marks_between_the_slices_of_nameless_images_are_doubted(signed: Session) -> None:
    x_mm, y_mm, z_mm = PLAIN.origin_lps_mm
    shifted = make_volume(replace(PLAIN, origin_lps_mm=(x_mm, y_mm, z_mm + 2.0)))
    bound = bind(_without_uids(signed), _renamed(shifted, None))
    assert bound.doubt.endswith("Its marks lie up to 2.0 mm off the slices here.")
    assert bound.session.image == _renamed(shifted, None).fingerprint
    assert bind(signed, make_volume(PLAIN)).doubt == ""
