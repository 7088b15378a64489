"""Write one series as a single Enhanced MR object (PS3.3 A.36)."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage

from ifspace.phantom.dicom import (
    PROTOCOLS,
    STUDY_DATE,
    STUDY_TIME,
    Protocol,
    SeriesPixels,
    add_pixels,
    add_series,
    decimal,
    new_object,
    orientation,
    uid_of,
)
from ifspace.phantom.spec import PhantomSpec

_CONTRAST_WORD = {
    "T1": "T1",
    "PD": "PROTON_DENSITY",
    "T2": "T2",
    "PD-FS": "PROTON_DENSITY",
    "STIR": "STIR",
}


def enhanced_object(spec: PhantomSpec, series: SeriesPixels) -> FileDataset:
    """Make one Enhanced MR object with a frame per slice."""
    instance = uid_of(spec, series.name, "enhanced")
    ds = new_object(spec, EnhancedMRImageStorage, instance)
    add_series(ds, spec, series)
    _add_acquisition(ds, series)
    _add_dimensions(ds, spec)
    ds.SharedFunctionalGroupsSequence = Sequence([_shared(spec, series)])
    frames = [_frame(series, k) for k in series.order]
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    ds.NumberOfFrames = len(series.order)
    add_pixels(ds, series.stored[list(series.order)])
    # Width and centre live in the functional groups of an enhanced object.
    del ds.WindowCenter, ds.WindowWidth
    return ds


def _item(**values: object) -> Sequence:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return Sequence([item])


def _add_acquisition(ds: Dataset, series: SeriesPixels) -> None:
    ds.InstanceNumber, ds.AcquisitionNumber = 1, 1
    ds.ImageType = _image_type(series)
    ds.PixelPresentation, ds.VolumetricProperties = "MONOCHROME", "VOLUME"
    ds.VolumeBasedCalculationTechnique, ds.ComplexImageComponent = "NONE", "MAGNITUDE"
    ds.AcquisitionContrast = _CONTRAST_WORD[series.contrast]
    ds.ContentQualification, ds.BurnedInAnnotation = "RESEARCH", "NO"
    ds.LossyImageCompression, ds.PresentationLUTShape = "00", "IDENTITY"
    ds.AcquisitionDateTime, ds.AcquisitionDuration = STUDY_DATE + STUDY_TIME, 180.0
    ds.ResonantNucleus, ds.KSpaceFiltering, ds.MagneticFieldStrength = "1H", "NONE", 1.5
    ds.ApplicableSafetyStandardAgency = "IEC"
    _add_pulse_sequence(ds, PROTOCOLS[series.contrast])
    ds.AcquisitionContextSequence = Sequence([])


def _image_type(series: SeriesPixels) -> list[str]:
    return ["ORIGINAL", "PRIMARY", _CONTRAST_WORD[series.contrast], "NONE"]


def _add_pulse_sequence(ds: Dataset, protocol: Protocol) -> None:
    ds.PulseSequenceName, ds.MRAcquisitionType = protocol.sequence, "2D"
    ds.EchoPulseSequence, ds.MultipleSpinEcho = "SPIN", "YES"
    ds.MultiPlanarExcitation, ds.PhaseContrast = "YES", "NO"
    ds.TimeOfFlightContrast, ds.OversamplingPhase = "NO", "NONE"
    ds.SteadyStatePulseSequence, ds.EchoPlanarPulseSequence = "NONE", "NO"
    ds.SaturationRecovery = "NO"
    ds.SpectrallySelectedSuppression = "FAT" if "FS" in protocol.options else "NONE"
    ds.GeometryOfKSpaceTraversal, ds.SegmentedKSpaceTraversal = "RECTILINEAR", "PARTIAL"
    ds.RectilinearPhaseEncodeReordering, ds.NumberOfKSpaceTrajectories = "LINEAR", 1


def _add_dimensions(ds: Dataset, spec: PhantomSpec) -> None:
    uid = uid_of(spec, "dimensions")
    ds.DimensionOrganizationSequence = _item(DimensionOrganizationUID=uid)
    ds.DimensionIndexSequence = Sequence(
        [
            _item(
                DimensionOrganizationUID=uid,
                DimensionIndexPointer=pointer,
                FunctionalGroupPointer=0x00209111,
                DimensionDescriptionLabel=label,
            )[0]
            for pointer, label in ((0x00209056, "Stack ID"), (0x00209057, "In-Stack Position"))
        ]
    )


def _shared(spec: PhantomSpec, series: SeriesPixels) -> Dataset:
    s, protocol = series.stack.sampling, PROTOCOLS[series.contrast]
    group = Dataset()
    measures = Dataset()
    measures.SliceThickness = decimal(s.thickness_mm)
    measures.SpacingBetweenSlices = decimal(s.slice_step_mm)
    if not spec.no_pixel_spacing:
        measures.PixelSpacing = [decimal(s.row_spacing_mm), decimal(s.column_spacing_mm)]
    group.PixelMeasuresSequence = Sequence([measures])
    group.PlaneOrientationSequence = _item(ImageOrientationPatient=orientation(series.stack))
    group.FrameAnatomySequence = _item(FrameLaterality="B", AnatomicRegionSequence=_pelvis())
    group.FrameVOILUTSequence = _item(WindowCenter="500", WindowWidth="1000")
    group.PixelValueTransformationSequence = _item(
        RescaleIntercept="0", RescaleSlope="1", RescaleType="US"
    )
    group.MRImageFrameTypeSequence = _item(
        FrameType=_image_type(series),
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
        ComplexImageComponent="MAGNITUDE",
        AcquisitionContrast=_CONTRAST_WORD[series.contrast],
    )
    _add_timing(group, protocol, series)
    _add_coils(group)
    return group


def _pelvis() -> Sequence:
    return _item(CodeValue="12921003", CodingSchemeDesignator="SCT", CodeMeaning="Pelvis")


def _add_timing(group: Dataset, protocol: Protocol, series: SeriesPixels) -> None:
    s = series.stack.sampling
    group.MRTimingAndRelatedParametersSequence = _item(
        RepetitionTime=f"{protocol.repetition_ms:g}",
        FlipAngle="150",
        EchoTrainLength=protocol.train,
        RFEchoTrainLength=protocol.train,
        GradientEchoTrainLength=0,
        SpecificAbsorptionRateSequence=_item(
            SpecificAbsorptionRateDefinition="IEC_WHOLE_BODY", SpecificAbsorptionRateValue=1.2
        ),
        GradientOutputType="DB_DT",
        GradientOutput=30.0,
        OperatingModeSequence=_item(OperatingModeType="RF", OperatingMode="IEC_NORMAL"),
    )
    group.MRFOVGeometrySequence = _item(
        InPlanePhaseEncodingDirection="ROW",
        MRAcquisitionFrequencyEncodingSteps=s.rows,
        MRAcquisitionPhaseEncodingStepsInPlane=s.columns,
        PercentSampling="100",
        PercentPhaseFieldOfView="100",
    )
    group.MREchoSequence = _item(EffectiveEchoTime=series.echo_ms)
    group.MRModifierSequence = _item(
        InversionRecovery="YES" if protocol.inversion_ms else "NO",
        FlowCompensation="NONE",
        Spoiling="NONE",
        T2Preparation="NO",
        SpectrallySelectedExcitation="NONE",
        SpatialPresaturation="NONE",
        PartialFourier="NO",
        ParallelAcquisition="NO",
    )
    if protocol.inversion_ms:
        group.MRModifierSequence[0].InversionTimes = [protocol.inversion_ms]


def _add_coils(group: Dataset) -> None:
    group.MRImagingModifierSequence = _item(
        MagnetizationTransfer="NONE",
        BloodSignalNulling="NO",
        Tagging="NONE",
        TransmitterFrequency=63.87,
        PixelBandwidth="190",
    )
    element = _item(MultiCoilElementName="1", MultiCoilElementUsed="YES")
    group.MRReceiveCoilSequence = _item(
        ReceiveCoilName="BODY",
        ReceiveCoilManufacturerName="",
        ReceiveCoilType="MULTICOIL",
        QuadratureReceiveCoil="YES",
        MultiCoilDefinitionSequence=element,
    )
    group.MRTransmitCoilSequence = _item(
        TransmitCoilName="BODY", TransmitCoilManufacturerName="", TransmitCoilType="BODY"
    )
    group.MRAveragesSequence = _item(NumberOfAverages="2")


def _frame(series: SeriesPixels, k: int) -> Dataset:
    group = Dataset()
    group.FrameContentSequence = _item(
        StackID="1",
        InStackPositionNumber=k + 1,
        DimensionIndexValues=[1, k + 1],
        FrameAcquisitionNumber=1,
        FrameReferenceDateTime=STUDY_DATE + STUDY_TIME,
        FrameAcquisitionDateTime=STUDY_DATE + STUDY_TIME,
        FrameAcquisitionDuration=180.0,
    )
    origin = np.asarray(series.stack.origins_lps_mm[k])
    group.PlanePositionSequence = _item(ImagePositionPatient=[decimal(v) for v in origin])
    return group
