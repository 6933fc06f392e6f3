"""`sign_language_digits`: photographs of hands that show a digit."""
