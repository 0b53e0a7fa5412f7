"""From activity maps to absorbed dose voxel by voxel: time-integrated activity map, engines, dose map, the whole route.

Imported by name; scipy.fft is imported only by the module that convolves.
"""
