"""Models over HTTP: `aimodels serve FOLDER`.

    loading    what lies in the folder          payload      TensorFlow Serving's JSON
    batching   what waits is computed together  completions  OpenAI's /v1/completions
    gate       limits, token, counts            app, server  the routes, and the process

Import what you need from these modules: this one stays light.
"""
