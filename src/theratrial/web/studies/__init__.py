"""Images: receive, quarantine, match, store, show."""
