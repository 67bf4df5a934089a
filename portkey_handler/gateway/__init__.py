"""Portkey and HTTP, which no other room knows: the client, the gateway's config, its headers, its errors."""
