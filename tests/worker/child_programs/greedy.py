"""A child that asks for more memory than it may have."""

import resource

MOST = 8 * 1024**3  # of address space, of which a warm child has much already

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MOST, MOST))
    bytearray(MOST)
