"""A child that computes with more than one thread."""

import sys

import torch

if __name__ == "__main__":
    torch.set_num_threads(2)
    x = torch.rand(400, 400)
    computed = not torch.cuda.is_initialized() and bool((x @ x).sum() > 0) and torch.rand(10**6).sum() > 0
    sys.exit(0 if computed else 1)
