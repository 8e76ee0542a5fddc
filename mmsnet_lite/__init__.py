"""MMSNet: frequency-guided segmentation of mixed-modality medical images, small enough to study.

Research and teaching only; not a medical device.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmsnet_lite.model.mmsnet import MMSNet, MMSNetConfig, SegmentationOutput

__version__ = "0.1.0"
__all__ = ["MMSNet", "MMSNetConfig", "SegmentationOutput", "__version__"]


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def __getattr__(name: str) -> Any:
    """Import the network on first use, so that `import mmsnet_lite` costs little more than nothing (PEP 562)."""
    if name in __all__:
        return getattr(import_module("mmsnet_lite.model.mmsnet"), name)
    raise AttributeError(f"module 'mmsnet_lite' has no attribute {name!r}")
