"""What the labels so far prove: unbiased error, the next labels' worth, when to stop."""
