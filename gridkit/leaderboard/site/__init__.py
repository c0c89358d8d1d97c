"""The static site of the leaderboard: pages that need no network, no server and no other file."""
