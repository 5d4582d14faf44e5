"""The nets of the emotional-support literature and all they need, from a dialogue to a reply with its trace."""
