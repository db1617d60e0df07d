"""Small languages and constants: parse, print, compare. Pure, standard library only."""
