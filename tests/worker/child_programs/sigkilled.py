"""A child that ends as if the kernel had killed it for lack of memory."""

import os
import signal

if __name__ == "__main__":
    os.kill(os.getpid(), signal.SIGKILL)
