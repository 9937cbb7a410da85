"""Tables that people open in a spreadsheet. Their cells come from uploads, so none may become a formula there."""

import csv
import io
from collections.abc import Iterable, Sequence

# A cell that begins so is run by spreadsheets: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = ("=", "+", "-", "@")  # names in an archive hold no tabs and line breaks (`path_error`)


def csv_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write a CSV file with a header.

    Args:
        columns: names of the columns.
        rows: cells; one that a spreadsheet would take for a formula gets an apostrophe in front, which makes it text.

    Returns:
        The file in UTF-8.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_as_text(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
