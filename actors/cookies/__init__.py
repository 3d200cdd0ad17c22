"""The cookie jar (FEATURES C1 to C30): what is stored, what is sent, what goes, and what ``changed`` tells of it."""
