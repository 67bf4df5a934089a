"""Texts that a statement or a protocol could change on their way to the provider."""

from __future__ import annotations

#: PyMySQL writes them into a statement, and MindsDB reads them there as they were.
WRITTEN_WELL = [
    "It's",
    'She said "no"',
    "¿Qué? ελληνικά עברית 漢字 👩🏽‍🚀",
    "100 % of %s, :name and ?",
    "{{ text }} {% x %}",
    "a tab\there",
    "-- no comment, # none either /* nor this */",
    "one; two",
    "a `tick`",
    "",  # is not asked
]
#: PyMySQL writes them as MySQL reads them, and MindsDB reads them otherwise: what reaches the provider.
WRITTEN_WRONGLY = {
    "back\\slash": "back\\\\slash",
    "two\nlines": "two\\nlines",
    "'quoted'": "quoted",
}
#: All that is awkward.
AWKWARD = [*WRITTEN_WELL[:-1], *WRITTEN_WRONGLY, "one\\'two", "ends in \\", "\r\n two \x1a lines "]
