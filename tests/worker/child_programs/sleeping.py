"""A child that looks after nothing: neither signals nor its lifeline."""

import signal
import time

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
