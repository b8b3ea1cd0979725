"""What is measured: one definition per indicator, from which counting, publishing and the documentation are made."""
