"""Tables that are opened in a spreadsheet: cells are text, whatever an upload called its files."""

import csv
import io

import pytest

from worker.evaluation.csv_table import csv_table


def test_cells_come_back() -> None:
    rows = [["a, b", 'say "no"'], ["line\nbreak", "ü"]]
    table = csv_table(("one", "two"), rows).decode()
    assert list(csv.reader(io.StringIO(table))) == [["one", "two"], *rows]
    assert table.splitlines()[0] == "one,two"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_is_a_formula(cell: str) -> None:
    table = csv_table(("name",), [[cell], ["a=1"]]).decode()
    assert [row[0] for row in csv.reader(io.StringIO(table, newline=""))] == ["name", f"'{cell}", "a=1"]
