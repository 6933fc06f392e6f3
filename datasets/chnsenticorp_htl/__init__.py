"""`chnsenticorp_htl`: Chinese reviews of hotels, good or bad."""
