"""HTTP: access control, routes and the server."""
