"""Exceptions by which a job's process ends in a defined way."""

from app.core.error_codes import check_code


class Stopped(Exception):
    """The job was asked to stop; everything worth keeping is saved, and another worker can resume it."""


class JobError(Exception):
    """The job cannot succeed, however often it is tried.

    Args:
        code: stable error code of the API.
        message: one sentence for the user.

    Raises:
        ValueError: the code is not in `ERROR_CODES`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        check_code(code)
        self.code = code
