"""`espeak_digits`: digits, alone and in strings, spoken by machine voices."""
