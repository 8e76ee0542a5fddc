"""What twenty passes cost, against one pass and against twenty whole ones; ratios of least processor times."""

import time

import pytest
import torch

from mmsnet_lite import MMSNet, MMSNetConfig
from mmsnet_lite.analysis import mc_predict


def seconds(call):
    start = time.process_time()
    call()
    return time.process_time() - start


@pytest.mark.slow
def test_twenty_passes_cost_at_most_two(one_thread):
    """Mit-b0 at 352 px with dropout in the decoder, one image: <= 2 plain passes, and 8 times faster than twenty."""
    model = MMSNet(MMSNetConfig(encoder="mit-b0", dropout=0.1)).eval()
    images = torch.randn(1, 3, 352, 352)

    @torch.no_grad()
    def plain(passes=1):
        for _ in range(passes):
            model(images).logits.sigmoid()

    plain(), mc_predict(model, images, passes=2)  # constants and caches
    turns = [(seconds(plain), seconds(lambda: mc_predict(model, images, passes=20))) for _ in range(7)]
    one, ours = map(min, zip(*turns, strict=True))
    twenty = seconds(lambda: plain(20))
    print(f"{ours / one:.2f} plain passes, {twenty / ours:.1f} times faster than twenty")
    assert ours <= 2.0 * one
    assert twenty >= 8 * ours
