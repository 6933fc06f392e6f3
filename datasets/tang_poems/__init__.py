"""`tang_poems`: poems of the Tang dynasty, eight lines of seven characters."""
