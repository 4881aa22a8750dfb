"""Two networks side by side: which layers and units correspond, what is new, lost or changed, and what they predict."""
