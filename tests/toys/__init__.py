"""Small behaviors to try the kernel with, written in the real vocabulary: a log holds no other."""
