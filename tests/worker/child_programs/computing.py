"""A child that computes with as many threads as there are."""

import sys

import torch

if __name__ == "__main__":
    torch.set_num_threads(2)
    x = torch.rand(400, 400)
    loaded = not torch.cuda.is_initialized() and bool((x @ x).sum() > 0) and torch.rand(10**6).sum() > 0
    sys.exit(0 if loaded else 1)
