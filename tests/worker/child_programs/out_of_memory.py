"""A child that allocates more memory than its limit."""

import resource

LIMIT = 8 * 1024**3  # of address space, of which a forked child already uses much

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    bytearray(LIMIT)
