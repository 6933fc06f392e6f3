"""`digits`: scans of handwritten digits, 8×8 pixels."""
