"""A child whose interpreter crashes, as native code may make it."""

import ctypes

if __name__ == "__main__":
    ctypes.string_at(0)
