import csv
import io

import pytest

from dreamfilters.report.tables import csv_bytes, guarded


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_compute_has_an_apostrophe_before_it(text):
    assert guarded(text) == f"'{text}"


def test_a_guarded_text_reads_back_with_its_apostrophe():
    row = next(csv.DictReader(io.StringIO(csv_bytes([{"name": '=a,"b"\nc'}]).decode(), newline="")))
    assert row["name"] == '\'=a,"b"\nc'


def test_numbers_are_no_texts():
    told = csv_bytes([{"a": -0.5, "b": float("inf"), "c": None, "d": -3, "e": "1-2", "f": ""}])
    assert told == b"a,b,c,d,e,f\n-0.5,,,-3,1-2,\n"


def test_no_rows_are_a_header():
    assert csv_bytes([]) == b"target\n"
