"""`spoken_digit`: digits said by five people."""
