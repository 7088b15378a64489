"""One series has one patient, one study, one frame of reference and an image per UID."""

from __future__ import annotations

import pytest

from ifspace.errors import SeriesChoiceError
from ifspace.io import load_volume, open_study

OTHER_PATIENT = {"PatientID": "ID-9999", "PatientName": "Other^Name", "PatientSex": "M"}
SECRETS = ("ID-4711", "ID-9999", "Seed", "Other", "19700315")


def _every_second(**attributes):
    def change(k, ds):
        if k % 2:
            for keyword, value in attributes.items():
                setattr(ds, keyword, value)

    return change


def _refusal(folder, words):
    """The listing says why, nobody measures it, and naming it does not help."""
    with open_study(folder) as inventory:
        reasons = [reason for item in inventory.ranked for reason in item.reasons]
        assert any(words in reason for reason in reasons), reasons
        assert not any(item.suitable for item in inventory.ranked)
        uid = inventory.ranked[0].series.series_instance_uid
        for named in (uid, None):
            with pytest.raises(SeriesChoiceError) as refused:
                inventory.choose(named)
            assert words in str(refused.value)
        shown = " ".join([*reasons, str(refused.value), repr(inventory)])
    assert not any(secret in shown for secret in SECRETS)
    return str(refused.value)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        (OTHER_PATIENT, "PatientID differs"),
        ({"PatientName": "Other^Name"}, "PatientName differs"),
        ({"PatientBirthDate": "19700316"}, "PatientBirthDate differs"),
        ({"PatientSex": "M"}, "PatientSex differs"),
        ({"PatientID": ""}, "PatientID differs"),
        ({"StudyInstanceUID": "2.25.77"}, "StudyInstanceUID differs"),
        ({"FrameOfReferenceUID": "2.25.78"}, "FrameOfReferenceUID differs"),
    ],
)
def test_slices_of_two_kinds_in_one_series_are_refused_by_position(
    attributes, words, writer, tmp_path
):
    writer.write_classic(tmp_path, change=_every_second(**attributes))
    assert "slices 2, 4 and slices 1, 3, 5" in _refusal(tmp_path, words).replace(
        "slices 1, 3, 5 and slices 2, 4", "slices 2, 4 and slices 1, 3, 5"
    )


def test_two_images_of_one_uid_are_refused(writer, tmp_path):
    writer.write_classic(tmp_path, change=_every_second(SOPInstanceUID="2.25.99"))
    assert "slices 2, 4" in _refusal(tmp_path, "SOPInstanceUID is the same")


@pytest.mark.parametrize(
    "keyword",
    ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"],
)
@pytest.mark.parametrize("value", ["../../x", "1.2.abc", "1" * 66])
def test_a_uid_that_is_none_is_refused(keyword, value, writer, tmp_path):
    writer.write_classic(tmp_path, change=lambda _, ds: setattr(ds, keyword, value))
    _refusal(tmp_path, f"{keyword} is no valid UID")


def test_a_mixed_series_is_not_loaded_either(writer, tmp_path):
    writer.write_classic(tmp_path, change=_every_second(**OTHER_PATIENT))
    with open_study(tmp_path) as inventory, pytest.raises(SeriesChoiceError, match="PatientID"):
        load_volume(inventory.ranked[0].series)


def test_two_patients_in_two_stacks_of_one_series_are_refused(writer, tmp_path):
    coronal = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
    scan = writer.Scan()
    writer.write_classic(tmp_path / "a", scan)
    other = writer.Scan(
        orientation=coronal, series_uid=scan.series_uid, study_uid=scan.study_uid,
        frame_uid=scan.frame_uid, attributes=OTHER_PATIENT,
    )  # fmt: skip
    writer.write_classic(tmp_path / "b", other)
    _refusal(tmp_path, "PatientID differs")


def test_one_patient_written_in_two_ways_is_one_patient(writer, tmp_path):
    writer.write_classic(
        tmp_path, change=_every_second(PatientName="SEED^ED^^", PatientID=" ID-4711 ")
    )
    with open_study(tmp_path) as inventory:
        (item,) = inventory.ranked
        assert not any("differs" in reason for reason in item.reasons)
        assert len(load_volume(item.series).slices) == 5


def test_a_series_in_which_nobody_is_named_is_read(writer, tmp_path):
    nobody = dict.fromkeys(
        ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "FrameOfReferenceUID")
    )
    writer.write_classic(tmp_path, writer.Scan(attributes=nobody))
    with open_study(tmp_path) as inventory:
        (item,) = inventory.ranked
        assert not any("differs" in reason for reason in item.reasons)
        assert len(load_volume(item.series).slices) == 5
