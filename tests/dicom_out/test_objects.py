import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from ifspace.dicom_out import write_objects
from ifspace.errors import OutputError
from ifspace.model import Kind, Side

NAMES = ["Example^Patient", "Hong^Gildong=洪^吉洞=홍^길동"]


@pytest.fixture
def pictures(tmp_path: Path) -> dict[Side, Path]:
    """Make two small pictures, one of an odd number of bytes."""
    made = {}
    for side, size in ((Side.LEFT, (31, 21)), (Side.RIGHT, (40, 30))):
        path = tmp_path / f"key_{side.value}.png"
        rng = np.random.default_rng(len(side.value))
        Image.fromarray(rng.integers(0, 255, (*size[::-1], 3), dtype=np.uint8)).save(path)
        made[side] = path
    return made


@pytest.fixture(params=[b"", b"\n"], ids=["odd length", "even length"])
def pdf(request, tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n" + request.param)
    return path


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is missing")
@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("deidentify", [False, True])
def test_dciodvfy_finds_no_error(
    enhanced, name, deidentify, make_study, make_result, pictures, pdf, tmp_path
) -> None:
    study = make_study(enhanced=enhanced, name=name)
    paths = write_objects(
        make_result(study),
        study.headers,
        tmp_path / "out",
        report_pdf=pdf,
        key_images=pictures,
        deidentify=deidentify,
    )
    assert [path.name for path in paths] == [
        "sr.dcm",
        "report.dcm",
        "key_left.dcm",
        "key_right.dcm",
        "presentation.dcm",
    ]
    for path in paths:
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        assert [line for line in lines if line.startswith("Error")] == [], path.name


def test_the_pdf_comes_out_as_it_went_in(make_study, make_result, pdf, tmp_path) -> None:
    study = make_study()
    (path,) = write_objects(
        make_result(study), study.headers, tmp_path / "out", formats=["dicom-pdf"], report_pdf=pdf
    )
    made = pydicom.dcmread(path)
    document = made.EncapsulatedDocument[: made.EncapsulatedDocumentLength]
    assert document == pdf.read_bytes()
    assert len(made.EncapsulatedDocument) % 2 == 0
    assert made.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert made.StudyInstanceUID == study.headers[0].StudyInstanceUID
    assert made.BurnedInAnnotation == "YES"


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ("3", [9801, 9802, 9803, 9804]),
        ("542409", [54240901, 54240902, 54240903, 54240904]),
        ("2147483647", [2147483644, 2147483645, 2147483646, 2147483647]),
        ("", [9801, 9802, 9803, 9804]),
        ("-7", [9801, 9802, 9803, 9804]),
    ],
)
@pytest.mark.parametrize("deidentify", [False, True])
def test_every_object_sorts_behind_the_images(
    make_study, make_result, pdf, pictures, tmp_path, images, expected, deidentify
) -> None:
    study = make_study()
    for header in study.headers:
        header.SeriesNumber = images or None
    paths = write_objects(
        make_result(study),
        study.headers,
        tmp_path / "out",
        report_pdf=pdf,
        key_images=pictures,
        deidentify=deidentify,
    )
    assert sorted({int(pydicom.dcmread(path).SeriesNumber) for path in paths}) == expected


def test_the_picture_comes_out_as_it_went_in(make_study, make_result, pictures, tmp_path) -> None:
    study = make_study(enhanced=True)
    paths = write_objects(
        make_result(study),
        study.headers,
        tmp_path / "out",
        formats=["dicom-sc"],
        key_images=pictures,
    )
    made = {path.stem: pydicom.dcmread(path) for path in paths}
    for side, picture in pictures.items():
        shown = made[f"key_{side.value}"]
        assert np.array_equal(shown.pixel_array, np.asarray(Image.open(picture)))
        assert shown.file_meta.TransferSyntaxUID.name == "JPEG-LS Lossless Image Compression"
        assert "PixelSpacing" not in shown
    # The left spaces were measured on slice 3, the fourth frame.
    assert made["key_left"].SourceImageSequence[0].ReferencedFrameNumber == 4
    assert made["key_left"].SeriesInstanceUID == made["key_right"].SeriesInstanceUID
    assert made["key_left"].SOPInstanceUID != made["key_right"].SOPInstanceUID


def test_a_side_without_a_number_still_gets_its_picture(
    make_study, make_result, pictures, tmp_path
) -> None:
    study = make_study()
    absent = [(kind, Side.LEFT) for kind in Kind]
    paths = write_objects(
        make_result(study, absent=absent),
        study.headers,
        tmp_path / "out",
        formats=["dicom-sc"],
        key_images=pictures,
    )
    left = pydicom.dcmread(paths[0])
    middle = study.headers[2].SOPInstanceUID
    assert left.SourceImageSequence[0].ReferencedSOPInstanceUID == middle


def test_something_that_is_no_pdf_is_refused(make_study, make_result, tmp_path) -> None:
    study = make_study()
    wrong = tmp_path / "report.pdf"
    wrong.write_text("no PDF")
    with pytest.raises(OutputError, match="not a PDF"):
        write_objects(make_result(study), study.headers, tmp_path / "out", report_pdf=wrong)
    assert not (tmp_path / "out").exists()


def test_something_that_is_no_picture_is_refused(make_study, make_result, tmp_path) -> None:
    study = make_study()
    wrong = tmp_path / "key_left.png"
    wrong.write_text("no picture")
    with pytest.raises(OutputError, match="key_left"):
        write_objects(
            make_result(study),
            study.headers,
            tmp_path / "out",
            key_images={Side.LEFT: wrong},
        )


def test_only_the_formats_asked_for_are_written(
    make_study, make_result, pictures, pdf, tmp_path
) -> None:
    study = make_study()
    paths = write_objects(
        make_result(study),
        study.headers,
        tmp_path / "out",
        formats=["json", "dicom-pdf"],
        report_pdf=pdf,
        key_images=pictures,
    )
    assert [path.name for path in paths] == ["report.dcm"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.dcm"]


def test_a_folder_that_cannot_be_made_is_named_in_one_sentence(
    make_study, make_result, tmp_path
) -> None:
    study = make_study()
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(OutputError, match="choose another folder"):
        write_objects(make_result(study), study.headers, blocked / "out", formats=["sr"])
