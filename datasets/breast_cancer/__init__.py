"""`breast_cancer`: tumours described by 30 measurements."""
