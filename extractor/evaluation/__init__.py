"""How good the extracted records are. Pure: no clock, no network, no heavy imports."""
