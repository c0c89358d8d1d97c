"""A prepared corpus for others: on the Hugging Face Hub, or in the formats of other trainers."""
