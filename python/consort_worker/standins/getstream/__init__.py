"""A stand-in for getstream, brought by Consort: the sound that models of Vision Agents take and give."""
