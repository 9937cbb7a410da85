"""A child that writes to stderr and exits with status 7."""

import sys

if __name__ == "__main__":
    sys.stderr.write("something\nthe reactor has melted\n")
    sys.exit(7)
