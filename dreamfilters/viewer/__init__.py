"""The viewer: a web page for a network, served by one process while another owns the model."""
