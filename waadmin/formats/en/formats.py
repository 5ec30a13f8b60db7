"""Dates in English: 3 May 2026, which is read the same on both sides of the Atlantic."""

DATE_FORMAT = "j F Y"
YEAR_MONTH_FORMAT = "F Y"
MONTH_DAY_FORMAT = "j F"
