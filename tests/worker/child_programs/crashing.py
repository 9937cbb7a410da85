"""A child that dies with last words."""

import sys

if __name__ == "__main__":
    sys.stderr.write("something\nthe reactor has melted\n")
    sys.exit(7)
