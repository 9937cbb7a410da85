"""A child that exits with a message instead of a number."""

import sys

if __name__ == "__main__":
    sys.exit("nothing to do")
