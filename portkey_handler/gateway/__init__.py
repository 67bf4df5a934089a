"""The only room that knows Portkey and HTTP: the client, the gateway's config, its headers and its errors."""
