"""What an executor is, and those that need nothing but NumPy. Others are described in their own folders."""
