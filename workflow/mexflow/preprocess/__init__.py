"""From raw frames to what networks are fed: aligned faces and optical flow."""
