"""`digit_scenes`: pictures with several handwritten digits among strokes, and their boxes."""
