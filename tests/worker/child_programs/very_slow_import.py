"""A module that takes very long to import."""

import time

if __name__ != "__main__":
    time.sleep(30)
