"""A child whose interpreter crashes, as native code can make it."""

import ctypes

if __name__ == "__main__":
    ctypes.string_at(0)
