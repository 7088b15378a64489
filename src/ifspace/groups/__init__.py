"""Statistics of two groups: difference, ROC curve and cut-offs."""

from ifspace.groups.earlier import EarlierStudy, read_earlier
from ifspace.groups.study import GroupStudy, compare_groups, groups_to_json
from ifspace.groups.table import GroupTable, groups_from_table
from ifspace.groups.write import write_groups

__all__ = [
    "EarlierStudy",
    "GroupStudy",
    "GroupTable",
    "compare_groups",
    "groups_from_table",
    "groups_to_json",
    "read_earlier",
    "write_groups",
]
