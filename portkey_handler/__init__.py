"""Run language models over table rows from SQL, through the Portkey AI gateway."""
