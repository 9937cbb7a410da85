"""A child that ends with words instead of a number."""

import sys

if __name__ == "__main__":
    sys.exit("out of the door")
