"""HTTP: access control, routes, events and the socket."""
