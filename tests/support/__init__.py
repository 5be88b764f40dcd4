"""What tests share: a clock to move, other sessions of the database, and a process to run."""
