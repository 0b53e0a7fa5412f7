"""The WHO ICTRP's XML: the upload dialect (2009, and with the data set 1.3.1) and the portal's flat export."""
