"""The lines as a presentation state: on their slices, where they were measured, never as a number
that the line does not bear out."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from ifspace.dicom_out import UidMap, write_objects
from ifspace.dicom_out.planes import plane_of, to_lps_mm
from ifspace.model import MarkState


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("deidentify", [False, True])
def test_every_measured_line_lies_on_its_slice(
    enhanced, deidentify, make_study, make_result, tmp_path
) -> None:
    study = make_study(enhanced=enhanced)
    result = make_result(study)
    uid_map = UidMap(b"k")
    windows = {item.slice_index: (10.0, 210.0) for item in result.measurements}
    (path,) = write_objects(
        result,
        study.headers,
        tmp_path,
        formats=["dicom-pr"],
        windows=windows,
        deidentify=deidentify,
        uid_map=uid_map,
    )
    state = pydicom.dcmread(path)
    assert state.Modality == "PR"
    drawn = state.GraphicAnnotationSequence
    assert len(drawn) == len(result.measurements)
    for item, measured in zip(drawn, result.measurements, strict=True):
        header = study.headers[measured.slice_index]
        uid = str(header.SOPInstanceUID)
        (image,) = item.ReferencedImageSequence
        expected = uid_map.replaced(uid) if deidentify else uid
        assert expected == image.ReferencedSOPInstanceUID
        assert image.get("ReferencedFrameNumber") == measured.frame_number
        points = np.reshape(item.GraphicObjectSequence[0].GraphicData, (2, 2))
        ends = to_lps_mm(plane_of(header, measured.frame_number), points)
        assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(measured.value_mm, abs=1e-3)
        label = item.TextObjectSequence[0].UnformattedTextValue
        assert label.startswith(f"{measured.kind.name} {measured.side} {measured.value_mm:.1f} mm")
        assert label.endswith(")") == (measured.state is not MarkState.CONFIRMED)
    (series,) = state.ReferencedSeriesSequence
    named = {str(image.ReferencedSOPInstanceUID) for image in series.ReferencedImageSequence}
    assert named == {
        str(item.ReferencedImageSequence[0].ReferencedSOPInstanceUID) for item in drawn
    }


def test_the_window_is_given_in_stored_values(make_study, make_result, tmp_path) -> None:
    study = make_study()
    for header in study.headers:
        header.RescaleSlope, header.RescaleIntercept = "2", "-10"
    result = make_result(study)
    windows = {item.slice_index: (10.0, 210.0) for item in result.measurements}
    (path,) = write_objects(result, study.headers, tmp_path, formats=["dicom-pr"], windows=windows)
    # Signals of 10 and 210 were stored as 10 and 110.
    for look in pydicom.dcmread(path).SoftcopyVOILUTSequence:
        low = float(look.WindowCenter) - 0.5 - (float(look.WindowWidth) - 1) / 2
        assert (low, float(look.WindowWidth)) == (10.0, 101.0)


def test_without_a_measurement_there_is_no_state(make_study, make_result, tmp_path) -> None:
    study = make_study()
    result = make_result(study)
    nothing = type(result)(**{**vars(result), "spaces": ()})
    assert write_objects(nothing, study.headers, tmp_path, formats=["dicom-pr"]) == ()
