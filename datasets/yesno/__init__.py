"""`yesno`: one person who says yes and no."""
