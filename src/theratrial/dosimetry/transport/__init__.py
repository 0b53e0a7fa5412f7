"""Radiation through matter: cross sections, reference phantoms, photon Monte Carlo, dose kernels, spheres, S values.

Everything here is made by our own code from public cross sections and the decay data; what is shipped is a table with a
passport that the commands can make again. Imported by name; numba is imported only by the modules that transport.
"""
