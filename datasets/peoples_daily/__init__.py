"""`peoples_daily`: a month of Chinese news, divided into words."""
