"""Exercise checks: each says what is wrong with an answer and never gives the answer away; one file a lesson."""
