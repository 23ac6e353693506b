# sockutils.fish - completion for fish.  Made by scripts/completions.

