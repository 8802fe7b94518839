"""The HTTP API: routes by resource, wire schemas, errors. It asks the gatekeeper, who decides."""
