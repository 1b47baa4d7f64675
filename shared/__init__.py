"""What the Video Module, the API and vision modules agree on; imports no service.

Inside the repository this package is called ``shared``; installed with ``pip install .`` the very
same folder is the package ``ringcast``. All imports below it are therefore relative.
"""
