"""Statistics of reader agreement, and the plan of a reader study."""

from ifspace.agreement.design import Plan, hips_from_table, plan_readings
from ifspace.agreement.readings import Readings, readings_from_table
from ifspace.agreement.study import AgreementStudy, study_agreement, study_to_json
from ifspace.agreement.unblind import unblind
from ifspace.agreement.write import write_agreement, write_plan

__all__ = [
    "AgreementStudy",
    "Plan",
    "Readings",
    "hips_from_table",
    "plan_readings",
    "readings_from_table",
    "study_agreement",
    "study_to_json",
    "unblind",
    "write_agreement",
    "write_plan",
]
