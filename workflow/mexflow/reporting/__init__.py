"""Tables and figures: what the paper printed beside what was measured."""
