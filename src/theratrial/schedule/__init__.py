"""When is what due? Sessions, visits and images of one participant, with their windows."""
