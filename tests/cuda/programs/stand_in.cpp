// Nothing of its own: the library is the archive of the simulated backend.
