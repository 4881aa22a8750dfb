"""Results as TensorBoard shows them: event files with scalars, images and histograms."""
