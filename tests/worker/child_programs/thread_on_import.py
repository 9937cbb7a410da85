"""A module that starts a thread when it is imported."""

import threading
import time

if __name__ != "__main__":
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
