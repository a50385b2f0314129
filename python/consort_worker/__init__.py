"""The worker that runs Python plugins for Consort."""
