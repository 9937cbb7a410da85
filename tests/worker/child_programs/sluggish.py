"""What takes very long to be imported."""

import time

if __name__ != "__main__":
    time.sleep(30)
