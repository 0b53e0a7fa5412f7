"""The protocol in the order of ICH M11, from the protocol file and the registration record alone."""
