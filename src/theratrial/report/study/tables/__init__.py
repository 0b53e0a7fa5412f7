"""Tables that more than one document prints."""
