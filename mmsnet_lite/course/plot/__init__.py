"""Every figure of the project, on a white background; one file a lesson, `figure` for what they share."""

from mmsnet_lite.course.plot.figure import blank, frame, gallery, picture_grid, png, save, show

__all__ = ["blank", "frame", "gallery", "picture_grid", "png", "save", "show"]
