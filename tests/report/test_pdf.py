import hashlib
import io
import re
from dataclasses import replace

import pypdf
import pytest

from ifspace.errors import OutputError
from ifspace.model import Flag, Kind, MarkState, PatientIdentity, Severity, Side, SliceSource
from ifspace.notice import NOTICE
from ifspace.report import key_pictures
from ifspace.report.pdf import NO_DATE_EPOCH, creation_epoch, report_pdf
from ifspace.report.sheet import person_name

HANGUL_NAME = "Hong^Gildong=洪^吉洞=홍^길동"


def pages(pdf):
    texts = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]
    return [re.sub(r"\s+", " ", text.replace("\u200b", "")) for text in texts]


@pytest.fixture
def pdf(make_result, identity):
    return report_pdf(make_result(), {}, identity)


def test_page_one_has_both_spaces_of_both_sides_with_interval_and_unit(pdf):
    first = pages(pdf)[0]
    for value in ("13.0 ± 1.9 mm", "8.6 ± 2.1 mm", "21.8 ± 1.9 mm", "14.9 ± 2.1 mm"):
        assert value in first
    assert first.index("13.0 ± 1.9 mm") < first.index("21.8 ± 1.9 mm")
    assert "PLACED, not confirmed" in first


def test_the_notice_stands_on_every_page(pdf):
    texts = pages(pdf)
    assert len(texts) >= 2
    assert all(NOTICE in text for text in texts)


def test_the_clinical_page_stands_alone(make_result, identity):
    texts = pages(report_pdf(make_result(), {}, identity, pages="clinical"))
    assert len(texts) == 1
    assert "Technical annex" not in texts[0]
    assert "[1] Torriani 2009" in texts[0]
    full = pages(report_pdf(make_result(), {}, identity))
    assert full[0].split("page 1")[0] == texts[0].split("page 1")[0]


def test_an_image_without_identity_is_named_by_its_file_and_hash(
    make_result, make_volume, tmp_path
):
    path = tmp_path / "hip.nii.gz"
    path.write_bytes(b"voxels")
    volume = make_volume(sources=(SliceSource(path),) * 5, file_format="NIfTI")
    result = make_result(volume)
    words = "File hip.nii.gz, SHA-256 " + hashlib.sha256(b"voxels").hexdigest()[:16]
    first = pages(report_pdf(result, {}, None))[0]
    assert words in first
    assert "No patient identity in this file." in first
    assert "hip.nii" not in pages(report_pdf(result, {}, None, deidentified=True))[0]


def test_the_draft_mark_stands_on_every_page_until_confirmed_and_signed(make_result, identity, pdf):
    assert all("DRAFT" in text for text in pages(pdf))
    confirmed = report_pdf(make_result(state=MarkState.CONFIRMED), {}, identity)
    assert all("DRAFT" in text for text in pages(confirmed))
    final = report_pdf(make_result(state=MarkState.CONFIRMED, signed=True), {}, identity)
    assert not any("DRAFT" in text for text in pages(final))
    assert "Signed by A, 2026-03-04 10:20 UTC" in pages(final)[0]


def test_the_patient_is_named_only_with_an_identity(make_result, pdf):
    first = pages(pdf)[0]
    assert "Seeded, Maria" in first
    assert "1979-03-12" in first
    without = " ".join(pages(report_pdf(make_result(), {}, None)))
    for word in ("Seeded", "Maria", "ID-77-4711", "1979-03-12", "ACC-0815"):
        assert word not in without


def test_later_pages_give_technique_evidence_budget_and_provenance(pdf):
    rest = " ".join(pages(pdf)[1:])
    for words in (
        "T1 TSE axial pelvis",
        "620 / 11 ms",
        "1.5 T",
        "step 4.4 mm, thickness 4 mm",
        "sens. 0.769, spec. 0.81",
        "within uncertainty",
        "do not agree on this value",
        "placing of the marks 0.96 mm",
        "Quadratus femoris oedema mild none",
        "Hatem M, Martin RL",
        "1.2.826.0.2",
    ):
        assert words in rest


def test_group_means_are_not_called_cut_offs(pdf):
    assert "13.0 cases [1]" in pages(pdf)[0]
    assert "means of groups, which are no cut-offs" in pages(pdf)[0]
    assert "These are means of two groups, not a cut-off" in " ".join(pages(pdf))


def test_no_words_of_a_diagnosis_are_printed(pdf):
    text = " ".join(pages(pdf)).lower()
    for word in ("normal", "abnormal", "positive for", "ifi "):
        assert word not in text.replace("within normal", "")


def test_a_space_that_was_not_measured_says_why(make_result, identity):
    result = make_result(missing=((Kind.QFS, Side.LEFT),))
    first = pages(report_pdf(result, {}, identity))[0]
    assert "not measured a mark is missing" in first
    assert "left not measured (a mark is missing)" in first
    rest = " ".join(pages(report_pdf(result, {}, identity))[1:])
    assert "a mark is missing (hamstring_superolateral is not placed)" in rest


def test_nothing_measured_still_gives_a_report(make_result, identity):
    every = tuple((kind, side) for kind in Kind for side in Side)
    texts = pages(report_pdf(make_result(missing=every), {}, identity))
    assert "DRAFT: no space was measured" in texts[0]


def test_the_pdf_is_tagged_pdf_a_2a_with_its_fonts_inside(make_result, make_volume, identity):
    volume = make_volume()
    result = make_result(volume)
    reader = pypdf.PdfReader(io.BytesIO(report_pdf(result, key_pictures(result, volume), identity)))
    metadata = reader.root_object["/Metadata"].get_object().get_data().decode("utf-8")
    assert re.search(r"pdfaid:part>2<", metadata)
    assert re.search(r"pdfaid:conformance>A<", metadata)
    assert re.search(r"pdfuaid:part>1<", metadata)
    assert reader.root_object["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in reader.root_object
    assert reader.root_object["/Lang"] == "en"
    assert reader.root_object["/OutputIntents"]
    fonts = {
        font.get_object()["/BaseFont"]
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert fonts
    assert all(re.match(r"/[A-Z]{6}\+NotoSans-", name) for name in fonts)


def test_key_images_are_described_for_those_who_cannot_see_them(make_result, make_volume, identity):
    volume = make_volume()
    result = make_result(volume)
    made = report_pdf(result, key_pictures(result, volume), identity)
    described = _structure(pypdf.PdfReader(io.BytesIO(made)).root_object["/StructTreeRoot"])
    assert any("Key image, Right side" in words and "13.0" in words for words in described)


def _structure(node):
    """Collect every alternative description in the structure tree."""
    node = node.get_object()
    if isinstance(node, list):
        return [words for item in node for words in _structure(item)]
    if not isinstance(node, dict):
        return []
    own = [str(node["/Alt"])] if "/Alt" in node else []
    return own + (_structure(node["/K"]) if "/K" in node else [])


def test_two_runs_give_the_same_bytes(make_result, make_volume, identity):
    volume = make_volume()
    result = make_result(volume)
    first, second = (report_pdf(result, key_pictures(result, volume), identity) for _ in range(2))
    assert first == second


def test_the_metadata_date_is_the_one_asked_for(make_result, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    made = report_pdf(make_result(), {}, None)
    created = pypdf.PdfReader(io.BytesIO(made)).metadata.creation_date
    assert created.timestamp() == 1700000000


def test_without_a_wish_the_date_is_of_the_signature_or_the_study_and_never_the_clock(
    make_result, identity, monkeypatch
):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    signed = make_result(state=MarkState.CONFIRMED, signed=True)
    assert creation_epoch(signed, identity) == 1772619600
    assert creation_epoch(make_result(), identity) == 1772323200
    assert creation_epoch(make_result(), None) == NO_DATE_EPOCH


@pytest.mark.parametrize(
    "name",
    ["#import $ *", "=cmd|' /C calc'!A0", '#eval(read("/etc/passwd"))', "\\ *_[x]_* `raw` <a>"],
)
def test_a_name_cannot_become_markup(make_result, make_volume, name):
    volume = make_volume(description=name)
    identity = PatientIdentity(name, name, "", "", "")
    text = "".join(pages(report_pdf(make_result(volume), {}, identity)))
    squeezed = re.sub(r"[\s\u200b]", "", text)
    assert squeezed.count(re.sub(r"\s", "", name)) >= 2


@pytest.mark.parametrize("junk", ["\x00", "\x1b[2J", "\ue000", "\ud800", "\U0001f600", "\u202e"])
def test_what_no_page_can_show_is_replaced(make_result, make_volume, junk):
    made = report_pdf(make_result(make_volume(description=f"T1{junk}axial")), {}, None)
    text = " ".join(pages(made))
    assert "T1\ufffd" in text
    assert junk not in text


def test_signs_of_a_local_evidence_file_are_printed(make_result, make_published):
    own = make_published("own_2026", Kind.IFS, 16.0, rule="≤ 16 mm → own readers, 1.2.3")
    made = report_pdf(make_result(cutoffs={Kind.IFS: (own,), Kind.QFS: ()}), {}, None)
    assert "≤ 16 mm → own readers" in " ".join(pages(made))


def test_a_very_long_description_breaks_and_stays_on_the_page(make_result, make_volume, identity):
    volume = make_volume(description="t1_tse_tra_p2_512_" * 14)
    made = report_pdf(make_result(volume), {}, identity)
    reader = pypdf.PdfReader(io.BytesIO(made))
    assert _rightmost(reader.pages[1]) < float(reader.pages[1].mediabox.width) - 30.0


def _rightmost(page):
    """Find the largest x at which a piece of text starts, in points."""
    starts = []
    page.extract_text(visitor_text=lambda *found: starts.append(found[2][4]))
    return max(starts)


def test_cautions_reach_page_one_and_a_long_list_is_cut_with_a_pointer(make_result, identity):
    flags = tuple(
        Flag(f"f{number}", Severity.CAUTION, f"Caution number {number}.") for number in range(6)
    )
    first = pages(report_pdf(make_result(flags=flags), {}, identity))[0]
    assert "Caution number 2." in first
    assert "Sources: [1] Torriani 2009" in first
    assert "Caution number 3." not in first
    assert "3 more under Image checks" in first


def test_greek_and_cyrillic_names_need_no_system_font(make_result):
    identity = PatientIdentity("Παπαδόπουλος^Νίκος=Иванова^Ольга", "1", "", "", "")
    made = report_pdf(make_result(), {}, identity, system_fonts=False)
    assert "Παπαδόπουλος, Νίκος · Иванова, Ольга" in pages(made)[0]


@pytest.mark.parametrize(
    ("name", "script", "font"),
    [
        ("홍^길동", "Korean", "Noto Sans CJK"),
        ("王^小东", "Chinese or Japanese", "Noto Sans CJK"),
        ("やまだ^たろう", "Japanese", "Noto Sans CJK"),
        ("สม^ชาย", "Thai", "Noto Sans Thai"),
    ],
)
def test_a_name_that_cannot_be_drawn_at_all_is_refused_with_the_font_to_install(
    make_result, name, script, font
):
    identity = PatientIdentity(name, "1", "", "", "")
    with pytest.raises(OutputError, match=f"{script} letters.*{font}") as caught:
        report_pdf(make_result(), {}, identity, system_fonts=False)
    assert name.split("^")[0] not in str(caught.value)


def test_an_id_that_cannot_be_drawn_is_refused(make_result):
    identity = PatientIdentity("Hong^Gildong", "환자7", "", "", "")
    with pytest.raises(OutputError, match="Korean"):
        report_pdf(make_result(), {}, identity, system_fonts=False)


def test_the_latin_spelling_stands_alone_with_a_note_where_no_font_has_the_others(make_result):
    identity = PatientIdentity(HANGUL_NAME, "1", "", "", "")
    first = pages(report_pdf(make_result(), {}, identity, system_fonts=False))[0]
    assert "Hong, Gildong" in first
    assert "길동" not in first
    assert "letters are not shown, because no installed font can draw them" in first
    assert "Some Korean letters" in first
    assert "Noto Sans CJK" in first


def test_a_series_description_without_a_font_stops_no_report(make_result, make_volume, identity):
    volume = make_volume(description="T1 축상면、골반")
    text = " ".join(pages(report_pdf(make_result(volume), {}, identity, system_fonts=False)))
    assert "Seeded, Maria" in text
    assert "T1 \ufffd\ufffd\ufffd" in text
    assert "Some Korean letters are not shown" in text


def test_an_arabic_name_is_printed(make_result):
    identity = PatientIdentity("محمد^علي", "1", "", "", "")
    made = report_pdf(make_result(), {}, identity, system_fonts=False)
    assert set("محمدعلي") <= set(pages(made)[0])


def test_a_korean_name_is_printed_where_a_system_font_has_it(make_result):
    identity = PatientIdentity("홍^길동", "1", "", "", "")
    try:
        made = report_pdf(make_result(), {}, identity)
    except OutputError as error:
        pytest.skip(f"no Korean font on this computer: {error}")
    assert "홍, 길동" in pages(made)[0]


def test_a_name_is_printed_in_all_its_scripts():
    assert person_name(HANGUL_NAME) == "Hong, Gildong · 洪, 吉洞 · 홍, 길동"
    assert person_name("Doe^Jane^M^Dr") == "Doe, Jane M Dr"


def test_older_pictures_of_one_side_only_are_placed_with_a_word_for_the_other(
    make_result, make_volume, identity
):
    volume = make_volume()
    result = make_result(volume, sides=(Side.LEFT,))
    first = pages(report_pdf(result, key_pictures(result, volume), identity))[0]
    assert "Right: not asked for." in first


def test_without_pixels_the_report_says_that_there_is_no_image(pdf):
    assert "No key image: the pixels were not at hand" in pages(pdf)[0]


def test_a_result_with_its_series_unknown_prints_unknown(make_result, make_volume):
    volume = make_volume(
        field_strength_t=None, patient_age_years=None, patient_position=None, description=""
    )
    result = make_result(volume)
    text = " ".join(pages(report_pdf(replace(result, evidence_sha256=""), {}, None)))
    assert "Field strength unknown" in text
    assert "Patient position unknown" in text
