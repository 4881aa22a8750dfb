"""The pages of runs, one module each, or a package for one."""
