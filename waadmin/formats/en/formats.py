"""Dates in English: 3 May 2026, which is read the same on both sides of the Atlantic."""

DATE_FORMAT = "j F Y"
YEAR_MONTH_FORMAT = "F Y"
MONTH_DAY_FORMAT = "j F"
#: As browsers write it where a time is shown in the reader's own zone (console.js).
DATETIME_FORMAT = "M j, Y, g:i A"
