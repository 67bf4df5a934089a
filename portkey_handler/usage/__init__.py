"""What a query would cost, what it does while it runs, and what it did."""
