"""What a session prefers: user agent, languages, where downloads go (FEATURES F8, F22, F24)."""
