"""Explorers: figures of a lesson whose settings a reader can move; one file a lesson."""

from mmsnet_lite.course.explore.explorer import Choice, Explorer

__all__ = ["Choice", "Explorer"]
