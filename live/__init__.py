"""`make live`: what only the real Azure can tell, asked in a subscription of one's own, and written into a report that
can be sent in. It knows nothing of the extension's code: it runs `az` as a person would."""
