"""The same person over time, beside what can be detected and what may not be compared."""

from ifspace.followup.detectable import AgreementFigures, read_agreement
from ifspace.followup.diary import Diary, diary_from_table, parse_day
from ifspace.followup.study import FollowUp, follow_up, follow_up_to_json
from ifspace.followup.visits import Visit, read_visits
from ifspace.followup.write import write_follow_up

__all__ = [
    "AgreementFigures",
    "Diary",
    "FollowUp",
    "Visit",
    "diary_from_table",
    "follow_up",
    "follow_up_to_json",
    "parse_day",
    "read_agreement",
    "read_visits",
    "write_follow_up",
]
