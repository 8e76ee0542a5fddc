"""The only room that knows notebooks and pictures."""
