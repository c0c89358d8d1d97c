"""Reading a Parquet file of strangers: in a process with little memory and little time."""
